"""The one description of the interface, abi.json, and what all languages ask of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
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


def error_text(error: dict) -> str:
    more = " {" + ", ".join(f'"{name}"' for name in error["members"]) + "}" if "members" in error else ""
    return f'{error["name"]}{more}: {error["doc"]}'


# Tables that options of a sandbox consist of.
NESTED = list(dict.fromkeys(nested_tables("sandbox_create")))
