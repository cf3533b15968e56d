#!/usr/bin/env python3
"""Writes the tables of the C interface and of the packages from their one description, abi.json.

    sdk/generate.py [ROOT]      the files below ROOT; default: the source tree

Only tables are written: declarations, option structs, lists of kinds. Classes and methods are written by hand.
tests/sdk/generated.sh fails if a file is not what this script makes of the description.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
ABI = json.loads((SOURCE / "sdk" / "abi.json").read_text())
OPTIONS = ABI["options"]
CHOICES = ABI["choices"]
FUNCTIONS = [function for section in ABI["sections"] for function in section["functions"]]
ERRORS = ABI["error_kinds"] + ABI["package_error_kinds"]
NOTICE = "Made by sdk/generate.py from sdk/abi.json."


def camel(name: str) -> str:
    first, *rest = re.split("[_-]", name)
    return first + "".join(word.capitalize() for word in rest)


def pascal(name: str) -> str:
    return "".join(word.capitalize() for word in re.split("[_-]", name))


def members(*tables: str) -> list[dict]:
    """The options of these tables, each once."""
    found = {}
    for table in tables:
        for option in OPTIONS[table]["members"]:
            found.setdefault(option["name"], option)
    return list(found.values())


def parameters(function: dict) -> list[tuple[str, bool, str]]:
    """(kind, whether it may be null, name) of each."""
    result = []
    for text in function["parameters"]:
        kind, _, name = text.partition(" ")
        result.append((kind.rstrip("?"), kind.endswith("?"), name or kind))
    return result


def returns(function: dict) -> str:
    return function.get("returns", "error")


# ---- C -------------------------------------------------------------------------------------------

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


def type_text(option: dict) -> str:
    """What a value of the option is, for people."""
    kind = option["type"]
    if kind == "choice":
        return " | ".join(f'"{value["name"]}"' for value in CHOICES[option["choice"]]["values"])
    table = option.get("table")
    names = {
        "text": "text", "flag": "true or false", "texts": "array of text", "map": "object of text",
        "number": "number", "u32": "number", "u16": "number",
        "objects": f"array of text or {table}" if option.get("also") == "text" else f"array of {table}",
        "objects_by_path": f"object of {table}",
        "object": {"text": f"text or {table}", "false": f"false or {table}"}.get(option.get("also", ""), table),
    }
    return names[kind]


def choice_default(option: dict) -> str:
    choice = CHOICES[option["choice"]]
    return choice.get("default", choice["values"][0]["name"])


def option_text(option: dict) -> str:
    default = f' Default: "{choice_default(option)}".' if option["type"] == "choice" else ""
    return f'"{option["name"]}": {type_text(option)}. {option["doc"]}{default}'


def nested_tables(table: str) -> list[str]:
    """Those that it needs, each behind what it needs itself."""
    return [name for option in OPTIONS[table]["members"] if "table" in option
            for name in (*nested_tables(option["table"]), option["table"])]


def event_text(event: dict) -> str:
    rest = f', {event["members"]}' if event["members"] else ""
    return f'{{"event": "{event["name"]}"{rest}}}: {event["doc"]}'


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


def error_text(error: dict) -> str:
    more = " {" + ", ".join(f'"{name}"' for name in error["members"]) + "}" if "members" in error else ""
    return f'{error["name"]}{more}: {error["doc"]}'


def exports() -> str:
    names = "".join(f"    msb_{name};\n" for name in sorted(function["name"] for function in FUNCTIONS))
    return f"/* {NOTICE} */\n{{\n  global:\n{names}  local: *;\n}};\n"


# Tables that options of a sandbox consist of.
NESTED = list(dict.fromkeys(nested_tables("sandbox_create")))


# ---- Go ------------------------------------------------------------------------------------------

GO_STRUCTS = {
    "sandboxOptions": ["sandbox_create"], "startOptions": ["sandbox_start"], "listOptions": ["sandbox_list"],
    "removeOptions": ["remove"], "execOptions": ["exec"], "loadOptions": ["image_load"],
    "fsOptions": ["fs_read", "fs_make", "fs_stat", "fs_remove_dir"], "logOptions": ["logs", "log_stream"],
    "snapshotOptions": ["snapshot_create", "snapshot_import"], "exportOptions": ["snapshot_export"],
    "modifyOptions": ["sandbox_modify"], "networkLogOptions": ["network_log"],
    "volumeOptions": ["volume_create", "volume_clone"], "pruneOptions": ["volume_prune"], "forkOptions": ["sandbox_fork"],
    "storagePruneOptions": ["storage_prune"], "volumeRemoveOptions": ["volume_fs_remove"],
}
GO_TYPES = {"text": "*string", "flag": "bool", "texts": "[]string", "map": "map[string]string", "number": "*uint64",
            "u32": "*uint", "u16": "*uint16", "choice": "*string"}
# Where the package's own types are more than that. An empty entrypoint is another thing than none.
GO_OWN_TYPES = {
    "entrypoint": "*[]string", "cmd": "*[]string", "init": "*InitConfig", "volumes": "map[string]MountConfig",
    "ports": "[]PortBinding", "patches": "[]PatchConfig", "network": "any", "rlimits": "[]Rlimit",
    "security": "*SecurityProfile", "pull_policy": "*PullPolicy", "sources": "[]LogSource", "follow": "*bool", "recursive": "*bool",
}


def columns(rows: list[tuple[str, ...]], indent: str) -> list[str]:
    """Aligned, as gofmt wants them."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [
        (indent + " ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]])).rstrip() for row in rows
    ]


def go_name(option: dict) -> str:
    return option.get("go") or pascal(option["name"])


def go_constants(doc: str, type: str, names: list[tuple[str, str, str]]) -> list[str]:
    return ["", f"// {doc}", "const ("] + [
        line
        for name, value, about in names
        for line in (*textwrap.wrap(about, 100, initial_indent="\t// ", subsequent_indent="\t// "),
                     f'\t{name} {type} = "{value}"')
    ] + [")"]


def go_tables() -> str:
    lines = [f"// Code generated by sdk/generate.py from sdk/abi.json. DO NOT EDIT.", "", "package microsandbox"]
    lines += go_constants("Kinds of errors.", "ErrorKind", [(e["go"], e["name"], e["doc"]) for e in ERRORS])
    lines += go_constants("Why a command could not start.", "ExecFailureKind",
                          [("Exec" + pascal(e["name"]), e["name"], e["doc"]) for e in ABI["exec_failures"]])
    lines += go_constants("What an event of a command is.", "ExecEventKind",
                          [("ExecEvent" + pascal(e["name"]), e["name"], e["doc"]) for e in ABI["exec_events"]])
    for name, tables in GO_STRUCTS.items():
        rows = [
            (go_name(option), GO_OWN_TYPES.get(option["name"], GO_TYPES.get(option["type"], "")) if not
             (name == "logOptions" and option["name"] == "follow") else "bool",
             f'`json:"{option["name"]},omitempty"`')
            for option in members(*tables)
        ]
        lines += ["", f"// {name} is the JSON object of options.", f"type {name} struct {{", *columns(rows, "\t"), "}"]
    return "\n".join(lines) + "\n"


def go_header() -> str:
    lines = [
        "// clang-format off",
        f"// {NOTICE}",
        "// The functions of libmicrosandbox.so, called through pointers that dlopen and dlsym found.",
        "#pragma once", "", "#include <stddef.h>", "#include <stdint.h>", "",
        f"#define MSB_SDK_ABI_VERSION {ABI['version']}", "",
        "// F(RESULT, NAME, PARAMETERS, ARGUMENTS): msb_NAME as microsandbox.h has it.",
        "#define MSB_FUNCTIONS(F) \\",
    ]
    for function in FUNCTIONS:
        listed = c_parameters(function)
        declared = ", ".join(f"{type} {name}" for type, name in listed) or "void"
        given = ", ".join(name for _, name in listed)
        lines.append(f"    F({C_RETURNS[returns(function)]}, {function['name']}, ({declared}), ({given})) \\")
    lines[-1] = lines[-1].removesuffix(" \\")
    lines += ["", "#define MSB_DECLARE(type, name, parameters, arguments) type call_##name parameters;",
              "MSB_FUNCTIONS(MSB_DECLARE)", "#undef MSB_DECLARE", "",
              "// Loads the library. NULL, or what was wrong, to be given to free(3).",
              "char* load_library(const char* path);"]
    return "\n".join(lines) + "\n"


# ---- Rust ----------------------------------------------------------------------------------------

RUST_TYPES = {
    "uint64_t": "u64", "int64_t": "i64", "int32_t": "i32", "uint16_t": "u16", "size_t": "usize",
    "const char*": "Str", "const uint8_t*": "*const u8", "char*": "*mut c_char", "uint8_t*": "*mut u8",
    "char**": "Out<*mut c_char>", "uint64_t*": "Out<u64>", "uint8_t**": "Out<*mut u8>", "size_t*": "Out<usize>",
}
RUST_RETURNS = {"error": " -> Failure", "void": "", "text": " -> Str", "handle": " -> u64", "u32": " -> u32"}
RUST_STRUCTS = {
    **{pascal(table) + "Options": [table] for table in NESTED},
    "CreateOptions": ["sandbox_create"], "StartOptions": ["sandbox_start"],
    "ListOptions": ["sandbox_list"], "RemoveOptions": ["remove"], "ExecOptions": ["exec"],
    "FsOptions": ["fs_read", "fs_make", "fs_stat", "fs_remove_dir"], "PullOptions": ["image_pull"],
    "LoadOptions": ["image_load"], "LogQuery": ["logs", "log_stream"],
    "SnapshotOptions": ["snapshot_create", "snapshot_import"], "ExportOptions": ["snapshot_export"],
    "ModifyOptions": ["sandbox_modify"], "NetworkLogQuery": ["network_log"],
    "VolumeOptions": ["volume_create", "volume_clone"], "PruneOptions": ["volume_prune"], "ForkOptions": ["sandbox_fork"],
    "StoragePruneOptions": ["storage_prune"], "VolumeRemoveOptions": ["volume_fs_remove"],
}
RUST_VALUES = {"text": "String", "flag": "bool", "texts": "Vec<String>", "map": "BTreeMap<String, String>",
               "number": "u64", "u32": "u32", "u16": "u16"}
RUST_NESTED = {tables[0]: name for name, tables in RUST_STRUCTS.items() if len(tables) == 1}


def rust_type(option: dict) -> str:
    kind = option["type"]
    if kind == "choice":
        return CHOICES[option["choice"]]["type"]
    nested = RUST_NESTED.get(option.get("table", ""), "")
    if option.get("also") == "false":
        return f"Switch<{nested}>"
    if kind == "objects" and option.get("also") == "text":
        return f"Vec<Spelled<{nested}>>"
    return {"objects": f"Vec<{nested}>", "objects_by_path": f"BTreeMap<String, {nested}>", "object": nested}.get(
        kind, RUST_VALUES.get(kind, ""))


# Enumerations that the crate also takes as text, from before it had them.
RUST_OPEN = {"thp", "engine", "log_level", "stat_virtualization", "host_permissions", "mount_cache", "network_profile"}


def rust_table(name: str, lines: list[str]) -> list[str]:
    """A macro that gives the table to another one, which makes of it what its module needs."""
    body = [f"            {line}".rstrip() for line in lines]
    return ["", f"macro_rules! {name} {{", "    ($made_by:ident) => {", "        $made_by! {", *body, "        }", "    };",
            "}", f"pub(crate) use {name};"]


def rust_words(values: list[dict], docs: bool = True) -> list[str]:
    lines = []
    for value in values:
        lines += [f"/// {value['doc']}"] * docs
        lines.append(f"\"{value['name']}\" {value.get('rust') or pascal(value['name'])},")
    return lines


def rust_tables() -> str:
    functions = []
    for function in FUNCTIONS:
        listed = ", ".join(RUST_TYPES[type] for type, _ in c_parameters(function))
        functions.append(f"{function['name']}({listed}){RUST_RETURNS[returns(function)]};")
    choices = []
    for name, choice in CHOICES.items():
        choices += [f"/// {choice['doc']}", f"{'open' if name in RUST_OPEN else 'closed'} {choice['type']} {{",
                    *(f"    {line}" for line in rust_words(choice["values"])), "}"]
    events = []
    for name, table in ("ExecEventName", "exec_events"), ("PullEventName", "pull_events"):
        events += [f"{name} {{", *(f"    {line}" for line in rust_words(ABI[table], docs=False)), "}"]
    options = []
    for name, tables in RUST_STRUCTS.items():
        options += [f"{name} {{", *(f"    {o['name']}: {rust_type(o)}," for o in members(*tables)), "}"]
    lines = [f"// {NOTICE}", "//! What the library has, as tables: each is a macro that another one is given to.", "",
             f"pub(crate) const ABI_VERSION: u32 = {ABI['version']};",
             *rust_table("function_table", functions),
             *rust_table("error_table", rust_words([error for error in ERRORS if not error.get("own")])),
             *rust_table("exec_failure_table", rust_words(ABI["exec_failures"])),
             *rust_table("choice_table", choices),
             *rust_table("event_table", events),
             *rust_table("option_table", options)]
    return "\n".join(lines) + "\n"


# ---- Python --------------------------------------------------------------------------------------

PYTHON_TYPES = {"text": "str", "flag": "bool", "texts": "Iterable[str]", "map": "Mapping[str, str]", "number": "int",
                "u32": "int", "u16": "int"}
PYTHON_DICTS = {
    "CreateOptions": ("sandbox_create", "Keyword arguments of Sandbox.create(), all optional.", None),
    "StreamOptions": ("exec", "Keyword arguments of Sandbox.exec_stream(), shell_stream() and exec_default_stream(), all optional.", "collect"),
}
# Options that are these and more.
PYTHON_COLLECTED = ("ExecOptions", "StreamOptions", "Keyword arguments of Sandbox.exec(), shell() and exec_default(), all optional.")


def python_options(table: str, without: str | None) -> list[tuple[str, dict]]:
    """(keyword, option); `without`: those that are marked so are left out."""
    result = []
    for option in OPTIONS[table]["members"]:
        keyword = option.get("python", option["name"])
        if keyword is not None and not (without and option.get(without)):
            result.append((keyword, option))
    return result


def python_collected() -> list[tuple[str, dict]]:
    """What only commands have whose output is collected."""
    return [(option["name"], option) for option in OPTIONS["exec"]["members"] if option.get("collect")]


def python_type(option: dict) -> str:
    if "python_type" in option:
        return option["python_type"]
    return CHOICES[option["choice"]]["type"] if option["type"] == "choice" else PYTHON_TYPES[option["type"]]


def python_doc(option: dict) -> str:
    text = option["doc"]
    if option.get("python_type") == "float":  # a duration: seconds here
        text = text.replace("10000", "10")
        if option["name"].endswith("_ms"):
            text = "Seconds. " + text
    if option.get("python_type") == "Stdin | bytes":
        text = "What it reads; default: nothing."
    return text.replace('"', "'")


def python_tables() -> str:
    lines = [f'"""{NOTICE}"""', "", f"ABI_VERSION = {ABI['version']}", "",
             "# Result and parameters of each function.", "FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {"]
    for function in FUNCTIONS:
        kinds = []
        for kind, _, _ in parameters(function):
            kinds.append(kind)
            if kind in ("bytes", "bytes*"):
                kinds.append(kind.replace("bytes", "size"))
        listed = ", ".join(f'"{kind}"' for kind in kinds) + ("," if len(kinds) == 1 else "")
        lines.append(f'    "msb_{function["name"]}": ("{returns(function)}", ({listed})),')
    lines += ["}", "", "# The class of errors of each kind.", "ERROR_CLASSES = {"]
    lines += [f'    "{error["name"]}": "{error["python"]}",' for error in ERRORS if "python" in error]
    lines += ["}", "", "# Option of the library and its type, by keyword."]
    def rows(options: list[tuple[str, dict]]) -> list[str]:
        result = []
        for keyword, option in options:
            kind = option.get("table", option["type"]) if option["type"] != "flag" or "python_type" not in option else "input"
            if option.get("python_type") == "float":
                kind = "milliseconds" if option["name"].endswith("_ms") else "seconds"
            result.append(f'    "{keyword}": ("{option["name"]}", "{kind}"),')
        return result

    for name, (table, _, without) in PYTHON_DICTS.items():
        constant = re.sub("(?<!^)([A-Z])", r"_\1", name).upper()
        lines += [f"{constant} = {{", *rows(python_options(table, without)), "}"]
    lines += ["EXEC_OPTIONS = {", "    **STREAM_OPTIONS,", *rows(python_collected()), "}"]
    return "\n".join(lines) + "\n"


def python_dicts() -> str:
    types = sorted({python_type(option) for _, (table, _, without) in PYTHON_DICTS.items()
                    for _, option in python_options(table, without)})
    from_types = sorted({name for text in types for name in re.findall(r"\b[A-Z]\w+", text)}
                        - {"Iterable", "Mapping", "Any", "Path", "Network"})
    lines = [f'"""What keyword arguments may be. {NOTICE}"""', "", "from __future__ import annotations", "",
             "from collections.abc import Iterable, Mapping", "from pathlib import Path",
             "from typing import Any, TypedDict", "", "from .network import Network", "from .types import (",
             *(f"    {name}," for name in from_types), ")"]
    classes = [(name, "TypedDict", doc, python_options(table, without)
                + [(option["name"], option) for option in OPTIONS[table].get("python_more", [])])
               for name, (table, doc, without) in PYTHON_DICTS.items()]
    name, base, doc = PYTHON_COLLECTED
    classes.append((name, base, doc, python_collected()))
    for name, base, doc, options in classes:
        lines += ["", "", f"class {name}({base}, total=False):", f'    """{doc}"""', ""]
        for keyword, option in options:
            lines += [f"    {keyword}: {python_type(option)} | None",
                      *textwrap.wrap(f'"""{python_doc(option)}"""', 96, initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines) + "\n"


# ---- TypeScript ----------------------------------------------------------------------------------

TS_STRUCTS = {
    **{"Native" + pascal(table): [table] for table in NESTED}, "NativeCreateOptions": ["sandbox_create"], "NativeExecOptions": ["exec"],
    "NativeListOptions": ["sandbox_list"], "NativePullOptions": ["image_pull"],
    "NativeFsOptions": ["fs_read", "fs_make", "fs_stat", "fs_remove_dir"], "NativeLogOptions": ["logs", "log_stream"],
    "NativeSnapshotOptions": ["snapshot_create", "snapshot_import"], "NativeExportOptions": ["snapshot_export"],
    "NativeModifyOptions": ["sandbox_modify"], "NativeNetworkLogOptions": ["network_log"],
    "NativeVolumeOptions": ["volume_create", "volume_clone"], "NativePruneOptions": ["volume_prune"], "NativeForkOptions": ["sandbox_fork"],
    "NativeStoragePruneOptions": ["storage_prune"],
}
TS_TYPES = {"text": "string", "flag": "boolean", "texts": "string[]", "map": "Record<string, string>",
            "number": "number", "u32": "number", "u16": "number"}
TS_IN = {"cancel": "Handle", "handle": "Handle", "text": "string", "options": "string", "bytes": "Uint8Array",
         "i64": "number", "i32": "number", "u16": "number"}
TS_OUT = {"text*": "string", "handle*": "Handle", "bytes*": "Bytes"}


def ts_type(option: dict) -> str:
    kind = option["type"]
    if kind == "choice":
        return CHOICES[option["choice"]]["type"]
    if option["name"] == "sources":
        return 'string[] | "all"'
    nested = "Native" + pascal(option.get("table", ""))
    also = {"text": "string | ", "false": "false | "}.get(option.get("also", ""), "")
    many = f"(string | {nested})[]" if also else f"{nested}[]"
    return {"objects": many, "objects_by_path": f"Record<string, {nested}>", "object": also + nested}.get(
        kind, TS_TYPES.get(kind, ""))


def ts_function(function: dict) -> str:
    given, got = [], []
    for kind, nullable, name in parameters(function):
        if kind in TS_OUT:
            got.append(TS_OUT[kind] + (" | null" if nullable else ""))
        else:
            null = {"handle": " | 0"}.get(kind, " | null") if nullable else ""
            given.append(f"{camel(name)}: {TS_IN[kind]}{null}")
    if returns(function) in ("text", "handle"):
        result = {"text": "string", "handle": "Handle"}[returns(function)]
    elif function["call"] == "immediate":
        result = f"Outcome<[{', '.join(got)}]>" if returns(function) == "error" else "void"
    else:
        result = f"Later<[{', '.join(got)}]>" if got else "Later"
    return f"  {function['name']}({', '.join(given)}): {result};"


def ts_union(name: str, doc: str, values: list[dict]) -> list[str]:
    lines = ["", f"/** {doc} */", f"export type {name} ="]
    for value in values:
        lines += [f"  /** {value['doc']} */", f'  | "{value["name"]}"']
    lines[-1] += ";"
    return lines


def ts_tables() -> str:
    lines = [f"// {NOTICE}", "", "/** A number of the library: what is open, or a call that can be cancelled. */",
             "export type Handle = bigint;", "/** Data of the library; null where there is none. */",
             "export type Bytes = Uint8Array | null;", "/** [error, results...] */",
             "export type Outcome<T extends unknown[] = []> = [string | null, ...T];",
             "/** The outcome of a call that blocks. */",
             "export type Later<T extends unknown[] = []> = Promise<Outcome<T>>;", "",
             "/** The functions of the library, under their names without msb_. */", "export interface NativeFunctions {"]
    lines += [ts_function(f) for f in FUNCTIONS if f["call"] in ("cancellable", "blocking", "immediate")]
    lines.append("}")
    lines += ts_union("ErrorKind", "What went wrong: the kinds of the C interface and of this package.", ERRORS)
    lines += ts_union("ExecFailureKind", "Why a command could not start.", ABI["exec_failures"])
    lines += ts_union("ExecEventName", "What an event of a command is, in the C interface.", ABI["exec_events"])
    lines += ts_union("PullEventName", "What a report of a pull is, in the C interface.", ABI["pull_events"])
    for choice in CHOICES.values():
        lines += ts_union(choice["type"], choice["doc"], choice["values"])
    for name, tables in TS_STRUCTS.items():
        doc = OPTIONS["fs" if len(tables) > 2 else tables[-1]]["doc"]
        lines += ["", f"/** {doc} As the C interface has it. */", f"export interface {name} {{"]
        lines += [f"  {option['name']}?: {ts_type(option)} | undefined;" for option in members(*tables)]
        lines.append("}")
    return "\n".join(lines) + "\n"


def node_functions() -> str:
    lists = {
        "cancellable": ("CANCELLABLE", "Block, and take the number that cancels them first."),
        "blocking": ("BLOCKING", "Block, and cannot be ended early."),
        "immediate": ("IMMEDIATE", "Return at once."),
        "internal": ("INTERNAL", "Used by this module itself."),
    }
    lines = ["// clang-format off", f"// {NOTICE}", "// The functions of libmicrosandbox.so by how they are called.",
             "#pragma once"]
    for call, (name, doc) in lists.items():
        lines += ["", f"/// {doc}", f"#define MSB_NODE_{name}(X) \\"]
        lines += [f"    X({function['name']}) \\" for function in FUNCTIONS if function["call"] == call]
        lines[-1] = lines[-1].removesuffix(" \\")
    return "\n".join(lines) + "\n"


# ---- docs ----------------------------------------------------------------------------------------


def code_list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def docs_errors() -> list[str]:
    lines = ["| kind | more members | |", "|---|---|---|"]
    lines += [f"| `{e['name']}` | {code_list(e.get('members', []))} | {e['doc']} |" for e in ERRORS]
    kinds = code_list([one["name"] for one in ABI["exec_failures"]])
    return lines + ["", f"`exec_kind` is one of {kinds}."]


def docs_options(table: str) -> list[str]:
    lines = ["| option | value | |", "|---|---|---|"]
    for option in OPTIONS[table]["members"]:
        value = type_text(option).replace(" | ", ", ").replace('"', "`")
        default = f" Default: `{choice_default(option)}`." if option["type"] == "choice" else ""
        lines.append(f"| `{option['name']}` | {value} | {option['doc']}{default} |")
    return lines


def docs(text: str) -> str:
    """The page with what stands between its markers made anew."""
    regions = {"errors": docs_errors(), "sandbox_create": docs_options("sandbox_create"), "exec": docs_options("exec")}
    for name, lines in regions.items():
        begin, end = f"<!-- table {name}: sdk/generate.py -->\n", f"<!-- end of table {name} -->\n"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        if not after:
            sys.exit(f"docs/sdk.md has no markers of table {name}")
        text = before + begin + "\n".join(lines) + "\n" + end + after
    return text


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    files = {
        "include/microsandbox/microsandbox.h": header(),
        "src/ffi/microsandbox.map": exports(),
        "sdk/go/native.h": go_header(),
        "sdk/go/tables.go": go_tables(),
        "sdk/rust/src/tables.rs": rust_tables(),
        "sdk/python/src/microsandbox/_tables.py": python_tables(),
        "sdk/python/src/microsandbox/options.py": python_dicts(),
        "sdk/typescript/src/tables.ts": ts_tables(),
        "sdk/typescript/native/functions.hpp": node_functions(),
        "docs/sdk.md": docs((SOURCE / "docs" / "sdk.md").read_text()),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
