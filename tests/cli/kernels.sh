#!/usr/bin/env bash
# --kernel and MSB_KERNEL choose the guest's kernel by name or path; inspect and doctor say which it is, and a start
# with another one than before says so.
. "$(dirname "$0")/../lib.sh"
need_kernel

kernels=$MSB_BUILD/share/microsandbox/kernels
for bundle in "$kernels"/uml-*; do name=${bundle##*/}; done
hash=$(jq -r .hash "$kernels/$name/manifest.json")

# json FILTER: of the sandbox's inspection.
json() { "$MSB" inspect box --format json | jq -r "$1"; }

run_ok msb create -q -n box --kernel "$name"
assert_eq "$(json .kernel.name)" "$name"
assert_eq "$(json .kernel.hash)" "$hash"
assert_eq "$(json .config.kernel)" "$name"
run_ok msb inspect box
assert_match "$out" "^Kernel: +$name [0-9.]+.* \(chosen: $name\)$"

# The choice is stored; a start can make another one.
run_ok msb stop -q box
run_fail 1 "no kernel 'uml-nothing': there is auto, .*$name" msb start box --kernel uml-nothing
run_ok msb start -q box --kernel "$kernels/$name"
assert_eq "$(json .kernel.hash)" "$hash"
assert_eq "$(json .config.kernel)" "$name"
run_ok env MSB_KERNEL=uml-nothing "$MSB" restart -q -t 1 box
run_ok msb rm -q -f box

# Where nothing was stored, the environment is asked at each start.
run_ok msb create -q -n box
assert_eq "$(json .config.kernel)" auto
run_ok msb stop -q box
MSB_KERNEL=uml-nothing run_fail 1 "no kernel 'uml-nothing'" msb start box
MSB_KERNEL=$name run_ok msb start -q box
run_ok msb stop -q box
# As if it had run with another kernel.
state=$MSB_HOME/sandboxes/box/state.json
jq '.kernel.name = "uml-other"' "$state" >"$T/state"
cp "$T/state" "$state"
run_ok msb start -q box
assert_contains "$err" "ran with the kernel uml-other and runs with $name now"
run_ok msb rm -q -f box

# What cannot be had.
run_fail 1 "did you mean '$name'\?" msb run -q --kernel "${name}x" -- true
run_fail 1 "no-such-folder" msb run -q --kernel ./no-such-folder -- true
mkdir "$T/broken"
run_fail 1 "kernel bundle $T/broken" msb run -q --kernel "$T/broken" -- true
cp -a "$(readlink -f "$kernels/$name")" "$T/other"
jq '.hash = "0"' "$T/other/manifest.json" >"$T/manifest"
cp "$T/manifest" "$T/other/manifest.json"
if [ "$(jq '.modules | length' "$T/manifest")" -gt 0 ]; then
    run_fail 1 "has modules, and this installation has no initramfs of them" msb run -q --kernel "$T/other" -- true
fi
MSB_KERNEL=$name run_ok msb run -q -- true

run msb doctor
assert_match "$out" "kernel +$name"
MSB_KERNEL=$name run msb doctor
assert_contains "$out" "by MSB_KERNEL"
MSB_KERNEL=uml-nothing run msb doctor
assert_eq "$code" 1
assert_contains "$out" "set MSB_KERNEL to another one, or unset it"
no_leftovers
