#!/usr/bin/env bash
# A start that cannot have what it needs from the host says stage mount and ENOENT, and never "process
# exited". Everything that keeps a guest from booting arrives within 5 seconds, typed.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

# A directory of the host that is not there; the command line does not look, the start does.
begin=$EPOCHREALTIME
run_fail 1 '→ mount: .*/does/not/exist.*No such file' msb create -q -n missing -v /does/not/exist:/x
assert_prompt "$begin" "the missing directory"
assert_not_contains "$err" exited
record=$MSB_HOME/sandboxes/missing/logs/boot-error.json
assert_contains "$(cat "$record")" '"stage": "mount"'
assert_contains "$(cat "$record")" '"errno": 2'
run_fail 1 '→ mount: ' msb run -v /does/not/exist:/x -- true
run_ok msb rm -q missing

run_ok msb create -q -n box
run_ok msb stop -q box
mv "$MSB_HOME/sandboxes/box/upper.ext4" "$T/upper"
begin=$EPOCHREALTIME
run_fail 1 '→ mount: .*No such file' msb start box
assert_prompt "$begin" "the missing disk"
assert_not_contains "$err" exited
assert_match "$(cat "$MSB_HOME/sandboxes/box/logs/boot-error.json")" '"errno": 2'

# A disk that is none.
truncate -s "$(stat -c %s "$T/upper")" "$MSB_HOME/sandboxes/box/upper.ext4"
begin=$EPOCHREALTIME
run_fail 1 '→ mount: .*Invalid argument' msb start box
assert_prompt "$begin" "the empty disk"
mv "$T/upper" "$MSB_HOME/sandboxes/box/upper.ext4"

# An installation of its own, to break the guest's kernel and initramfs.
mkdir -p "$T/prefix/share/microsandbox"
cp -r "$MSB_BUILD/bin" "$MSB_BUILD/libexec" "$T/prefix/"
cp -rL "$MSB_BUILD/share/microsandbox/." "$T/prefix/share/microsandbox/"
broken=$T/prefix/bin/msb
mkdir "$T/initramfs"
cp "$T"/prefix/share/microsandbox/initramfs/*.cpio "$T/initramfs/"

# fails PATTERN STEP: the start fails so, promptly, and the record says which step.
fails() {
    local begin=$EPOCHREALTIME
    run_fail 1 "$1" "$broken" start box
    assert_prompt "$begin" "'$err'"
    assert_match "$(cat "$MSB_HOME/sandboxes/box/logs/boot-error.json")" "\"step\": \"$2\""
}
# each_initramfs COMMAND...: runs it with each archive's path.
each_initramfs() {
    local file
    for file in "$T"/prefix/share/microsandbox/initramfs/*.cpio; do
        cp "$T/initramfs/$(basename "$file")" "$file"
        "$@" "$file"
    done
}

# archive [PATH CONTENT]...: a newc archive of these files (no content: a directory).
archive() {
    python3 - "$@" <<'PY'
import sys
def entry(name, mode, data):
    name = name.encode() + b"\0"
    fields = [1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    pad = lambda part: part + b"\0" * (-len(part) % 4)
    return pad(head) + pad(data)
words = sys.argv[1:]
out = b""
for path, content in zip(words[::2], words[1::2]):
    out += entry(path, 0o100644, content.encode()) if content else entry(path, 0o40755, b"")
sys.stdout.buffer.write(out + entry("TRAILER!!!", 0, b""))
PY
}

# A module that the kernel needs is missing: the guest says so on its console, there is no other way yet.
without_module() {
    truncate -s %512 "$1" # archives may follow each other
    archive modules "" modules/order missing.ko >>"$1"
}
each_initramfs without_module
fails '→ build_vm: .*missing\.ko' modules
assert_not_contains "$err" "No such file or directory: No such"

# There is no first process at all: the kernel panics.
without_init() { archive dev "" >"$1"; }
each_initramfs without_init
fails '→ build_vm: .*before it was ready' kernel
assert_match "$err" 'panic|init'

# The kernel is not one.
each_initramfs :
for kernel in "$T"/prefix/share/microsandbox/kernels/uml-*; do
    python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["kernel"])' "$kernel/manifest.json" >"$T/name"
    printf '#!/bin/false\n' >"$kernel/$(cat "$T/name")"
done
fails '→ build_vm: ' '(kernel|build_vm)'
run_ok msb start -q box
run_ok msb rm -q -f box

# The library: a typed error with name, stage, errno and message.
python_tests test_boot.Boot.test_boot_start test_boot.Boot.test_mounts_and_network
no_leftovers
