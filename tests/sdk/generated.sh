#!/usr/bin/env bash
# The tables of the C interface and of the packages are what sdk/generate.py makes of sdk/abi.json, the library is as
# that says, and no package's modules import each other in a circle.
. "$(dirname "$0")/../lib.sh"
need python3

python3 "$SOURCE_DIR/sdk/generate.py" "$T/made"
(cd "$T/made" && find . -type f | sort) >"$T/files"
[ "$(wc -l <"$T/files")" -ge 10 ] || fail_test "few files were made: $(cat "$T/files")"
while read -r file; do
    diff -u "$SOURCE_DIR/$file" "$T/made/$file" >&2 || fail_test "$file is another one: run sdk/generate.py"
done <"$T/files"

# Kinds of errors: those that the library has.
grep -rhoE 'FailureKind::\w+: return "\w+"' "$SOURCE_DIR/src/api" | grep -oE '"\w+"' | tr -d '"' | sort >"$T/library"
python3 - "$SOURCE_DIR/sdk/abi.json" >"$T/described" <<'PY'
import json, sys
print("\n".join(sorted(kind["name"] for kind in json.load(open(sys.argv[1]))["error_kinds"])))
PY
run_ok diff "$T/library" "$T/described"

# Options: the library takes each that is described, with each of its words, and refuses another type and another name.
python_sdk "$TESTS_DIR/sdk/options.py" "$SOURCE_DIR/sdk/abi.json"

python3 "$TESTS_DIR/sdk/circles.py" "$SOURCE_DIR/sdk"
