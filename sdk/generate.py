#!/usr/bin/env python3
"""Writes the tables of the C interface and of the packages from their one description, abi.json.

    sdk/generate.py [ROOT]      the files below ROOT; default: the source tree

Only tables are written: declarations, option structs, lists of kinds. Classes and methods are written by hand.
tests/sdk/generated.sh fails if a file is not what this script makes of the description.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tables.c import exports, header
from tables.description import SOURCE
from tables.docs import docs
from tables.go import go_header, go_tables
from tables.python import python_dicts, python_tables
from tables.rust import rust_tables
from tables.typescript import node_functions, ts_tables


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
