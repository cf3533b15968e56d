"""The tables of docs/sdk.md."""

from __future__ import annotations

import sys

from .description import ABI, ERRORS, OPTIONS, choice_default, type_text


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
