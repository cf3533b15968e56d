#!/bin/bash
# Each target includes only what it depends on; the check that says so sees a breach.
. "$(dirname "$0")/../lib.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)
check=$top/scripts/check_layers.py

run_ok python3 "$check" "$MSB_BUILD"
assert_eq "$out$err" ""

# A copy of the tree with one include that points upwards.
mkdir "$T/build"
cp -r "$top/src" "$T/src"
sed "s|^$top|$T|; s|	$top/|	$T/|" "$MSB_BUILD/targets.txt" >"$T/build/targets.txt"
run_ok python3 "$check" "$T/build"

plant() { # FILE LINE: the file with the line in front, until the next plant
    cp "$top/src/$1" "$T/src/$1.kept"
    { echo "$2" && cat "$T/src/$1.kept"; } >"$T/src/$1"
    run_fail 1 "$1:1: .*$3" python3 "$check" "$T/build"
    mv "$T/src/$1.kept" "$T/src/$1"
}
plant base/time.cpp '#include "sandbox/sandboxes.hpp"' 'msb_base includes sandbox/sandboxes.hpp of msb_sandbox'
plant wire/cbor.hpp '#include "image/image.hpp"' 'msb_wire includes image/image.hpp of folder image'

# A folder that depends on one above it.
sed -i 's/^\(msb_wire\t.*\)$/\1;msb_client/' "$T/build/targets.txt"
run_fail 1 'in a circle: .*client.*wire' python3 "$check" "$T/build"
