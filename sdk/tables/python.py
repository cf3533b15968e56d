"""The Python package."""

from __future__ import annotations

import re
import textwrap

from .description import ABI, CHOICES, ERRORS, FUNCTIONS, NOTICE, OPTIONS, parameters, returns

PYTHON_TYPES = {"text": "str", "flag": "bool", "texts": "Iterable[str]", "map": "Mapping[str, str]", "number": "int",
                "u32": "int", "u16": "int"}
PYTHON_DICTS = {
    "CreateOptions": ("sandbox_create", "Keyword arguments of Sandbox.create(), all optional.", None),
    "AttachOptions": ("attach", "Keyword arguments of Sandbox.attach(), attach_shell() and attach_default(), all optional.", None),
    "SshServerOptions": ("ssh_server", "Keyword arguments of SandboxSshOps.prepare_server(), all optional.", None),
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
