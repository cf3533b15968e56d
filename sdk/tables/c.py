"""The C interface: its header and what the library exports."""

from __future__ import annotations

import textwrap

from .description import (
    ABI, FUNCTIONS, NOTICE, OPTIONS, error_text, event_text, nested_tables, option_text, parameters,
    returns,
)

C_TYPES = {
    "cancel": "uint64_t", "handle": "uint64_t", "text": "const char*", "options": "const char*",
    "bytes": "const uint8_t*", "i64": "int64_t", "i32": "int32_t", "u16": "uint16_t",
    "text*": "char**", "handle*": "uint64_t*", "bytes*": "uint8_t**",
    "own_text": "char*", "own_bytes": "uint8_t*",
}
C_RETURNS = {"error": "char*", "void": "void", "text": "const char*", "handle": "uint64_t", "u32": "uint32_t"}


def c_parameters(function: dict) -> list[tuple[str, str]]:
    """(type, name), with the size behind each parameter that is bytes."""
    result = []
    for kind, _, name in parameters(function):
        result.append((C_TYPES[kind], name))
        if kind in ("bytes", "bytes*"):
            result.append(("size_t" if kind == "bytes" else "size_t*", "size" if name == "data" else name + "_size"))
    return result


def c_comment(paragraphs: list[str], hanging: bool = False) -> list[str]:
    lines: list[str] = []
    for text in paragraphs:
        if not text:
            lines.append("")
            continue
        indent = "  " if hanging or text.startswith("- ") else ""
        lines += textwrap.wrap(text, 94, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    if len(lines) == 1:
        return [f"/* {lines[0]} */"]
    return [f"/* {lines[0]}", *(f" * {line}".rstrip() for line in lines[1:-1]), f" * {lines[-1]} */"]


def c_declaration(function: dict) -> list[str]:
    listed = ", ".join(f"{type} {name}" for type, name in c_parameters(function)) or "void"
    start = f"{C_RETURNS[returns(function)]} msb_{function['name']}("
    return textwrap.wrap(
        start + listed + ");", 100, subsequent_indent=" " * len(start), break_long_words=False, break_on_hyphens=False
    )


def c_tables(section: dict) -> list[str]:
    """The tables of options and events that the section's functions have, each before its first use."""
    lines = []
    if "events" in section:
        lines += ["", *c_comment(["Events:", *map(event_text, ABI[section["events"]])], hanging=True)]
    return lines


def header() -> str:
    lines = [
        "/* clang-format off */",
        f"/* {NOTICE} */",
        *c_comment(["microsandbox: untrusted code in local virtual machines that start like processes.", "",
                    "C interface of libmicrosandbox.so.", ""]
                   + ABI["about"]),
        "#ifndef MICROSANDBOX_H", "#define MICROSANDBOX_H", "", "#include <stddef.h>", "#include <stdint.h>", "",
        "#ifdef __cplusplus", 'extern "C" {', "#endif", "",
        f"#define MSB_ABI_VERSION {ABI['version']}", "",
        *c_comment(["Kinds of errors:"] + [error_text(error) for error in ABI["error_kinds"]]
                   + ["Values of \"exec_kind\":"] + [f'{one["name"]}: {one["doc"]}' for one in ABI["exec_failures"]],
                   hanging=True),
    ]
    shown: set[str] = set()
    for section in ABI["sections"]:
        if "title" in section:
            lines.append("")
            rule = "---- " + section["title"] + " "
            lines += c_comment([rule + "-" * (94 - len(rule)), *section["doc"]])
        lines += c_tables(section)
        for function in section["functions"]:
            lines.append("")
            table = function.get("options")
            for name in [*nested_tables(table), table] if table else []:
                if name in shown:
                    continue
                shown.add(name)
                about = f"Options {name}: " + OPTIONS[name]["doc"]
                lines += [*c_comment([about, *map(option_text, OPTIONS[name]["members"])], hanging=True), ""]
            doc = [function["doc"]]
            if table:
                doc.append(f"Options: {table}, all optional.")
            if "events" in function:
                doc += ["Events:", *map(event_text, ABI[function["events"]])]
            lines += [*c_comment(doc, hanging=len(doc) > 2), *c_declaration(function)]
    lines += ["", "#ifdef __cplusplus", "}", "#endif", "", "#endif"]
    return "\n".join(lines) + "\n"


def exports() -> str:
    names = "".join(f"    msb_{name};\n" for name in sorted(function["name"] for function in FUNCTIONS))
    return f"/* {NOTICE} */\n{{\n  global:\n{names}  local: *;\n}};\n"
