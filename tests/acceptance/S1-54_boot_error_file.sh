#!/usr/bin/env bash
# A start that fails leaves logs/boot-error.json, written by the stage that failed; a start that works
# removes it.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

record=$MSB_HOME/sandboxes/box/logs/boot-error.json
# boot_error STAGE STEP ERRNO: what the record must say.
boot_error() {
    assert_path "$record"
    python3 - "$record" "$@" <<'PY'
import datetime, json, sys
path, stage, step, errno = sys.argv[1:]
error = json.load(open(path))
assert error["stage"] == stage and error["step"] == step, error
assert error["errno"] == (int(errno) if errno != "null" else None), error
assert isinstance(error["message"], str) and error["message"], error
t = datetime.datetime.fromisoformat(error["t"].replace("Z", "+00:00"))
assert abs(t.timestamp() - datetime.datetime.now().timestamp()) < 60, error
PY
    assert_no_path "$record.tmp"
}

run_ok msb create -q -n box
assert_no_path "$record"
run_ok msb stop -q box

# image: the metadata of the cached image is damaged, so its root cannot be mounted.
metadata=$(find "$MSB_HOME/cache/meta" -name '*.erofs')
cp "$metadata" "$T/metadata"
dd if=/dev/zero of="$metadata" bs=4096 count=1 conv=notrunc status=none
begin=$EPOCHREALTIME
run_fail 1 'image: .*mount' msb start box
assert_prompt "$begin" "the damaged image"
boot_error image image 22
cp "$T/metadata" "$metadata"

# mount: the sandbox's own disk is gone; then it is not a file system.
upper=$MSB_HOME/sandboxes/box/upper.ext4
mv "$upper" "$T/upper"
run_fail 1 'mount: ' msb start box
boot_error mount disk 2
truncate -s 64M "$upper"
run_fail 1 'mount: ' msb start box
boot_error mount root 22
mv "$T/upper" "$upper"

# other: failures that belong to no other stage, here a directory in the place of one of our own files. Nobody ever sees
# half a record: it is written under another name and renamed.
cat >"$T/watch.py" <<'PY'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
CREATE, MODIFY, MOVED_TO = 0x100, 0x2, 0x80
fd = libc.inotify_init()
libc.inotify_add_watch(fd, sys.argv[1].encode(), CREATE | MODIFY | MOVED_TO)
open(sys.argv[2], "w").close()
while True:
    data = os.read(fd, 65536)
    while data:
        _, mask, _, size = struct.unpack_from("iIII", data)
        if data[16 : 16 + size].rstrip(b"\0") == b"boot-error.json":
            print("renamed" if mask & MOVED_TO else "written in place")
            sys.exit()
        data = data[16 + size :]
PY
helper python3 "$T/watch.py" "$(dirname "$record")" "$T/watching" >"$T/seen"
watcher=$helper_pid
eventually 10 test -e "$T/watching"
lock=$(find "$MSB_HOME/run/locks" -name '*.lock')
mkdir "${lock%.lock}.kill"
run_fail 1 'other: ' msb start box
boot_error other other 21
rmdir "${lock%.lock}.kill"
wait "$watcher"
assert_eq "$(cat "$T/seen")" renamed "how the record came"

run_ok msb start -q box
assert_no_path "$record"
run_ok msb logs box
assert_eq "$err" ""
run_ok msb rm -q -f box

# config: the image does not have the user.
run_fail 1 'config: ' msb create -q -n box -u nobody-here
boot_error config user null
run_ok msb rm -q box
no_leftovers
