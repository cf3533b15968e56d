#!/usr/bin/env bash
# Snapshot archives that are damaged, or made to do harm: each is refused with a reason, and leaves nothing.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need python3 zstd

# A snapshot of no sandbox: a disk of 128 MiB with a little in it.
digest=sha256:$(printf 0123456789abcdef%.0s 1 2 3 4)
mkdir -p "$T/good"
truncate -s 128M "$T/good/upper.ext4"
seq 100000 | dd of="$T/good/upper.ext4" bs=1M seek=3 conv=notrunc status=none
printf '{"schema":1,"artifact":"snapshot","scope":"disk","created_at":"2026-01-02T03:04:05Z","parent":null,"image":{"ref":"docker.io/library/x:1","manifest_digest":"%s"},"source_sandbox":null,"state":{"kind":"file","format":"raw","fstype":"ext4","upper":{"file":"upper.ext4","size_bytes":134217728,"integrity":null}},"labels":{},"extensions":{},"requires":[]}' "$digest" >"$T/good/snapshot.json"
run_ok msb snapshot export "$T/good" -o "$T/good.tar.zst"
run_ok msb snapshot export "$T/good" -o "$T/good.tar" --plain-tar
run_ok msb snapshot import "$T/good.tar.zst"
cmp "$T/good/upper.ext4" "$MSB_HOME/snapshots/good/upper.ext4"
msb snapshot rm -q good

# From a pipe, which is read once.
run_ok bash -c 'cat "$1" | "$2" snapshot import -q -' -- "$T/good.tar.zst" "$MSB"
cmp "$T/good/upper.ext4" "$MSB_HOME/snapshots/good/upper.ext4"
run_fail 1 "snapshot not found.*
.*did you mean 'good'" msb snapshot open god
run_fail 1 "did you mean 'good'" msb snapshot rm godo
msb snapshot rm -q good
run_ok msb snapshot import -q -n again - <"$T/good.tar"
msb snapshot rm -q again
run_fail 1 "neither a file nor a pipe" msb snapshot import - </dev/null
run_fail 1 "archive|tar" bash -c 'head -c 1000 "$1" | "$2" snapshot import -' -- "$T/good.tar.zst" "$MSB"
assert_eq "$(ls -A "$MSB_HOME/snapshots")" "" "what is left of pipes"

refused() { # PATTERN FILE
    run_fail 1 "$1" msb snapshot import "$2"
    assert_eq "$(ls -A "$MSB_HOME/snapshots")" "" "what is left of $2"
    assert_eq "$(find "$MSB_HOME/cache/tmp" -type f)" "" "what is left in the cache of $2"
}

# Cut short, or one bit of it another.
for kind in tar.zst tar; do
    size=$(stat -c %s "$T/good.$kind")
    for part in 0 3 30 60 90 99; do
        head -c $((size * part / 100)) "$T/good.$kind" >"$T/cut"
        refused "archive|zstd|tar" "$T/cut"
    done
done
size=$(stat -c %s "$T/good.tar.zst")
for part in 1 20 50 80 97; do
    python3 - "$T/good.tar.zst" "$T/flipped" $((size * part / 100)) <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[3])] ^= 4
open(sys.argv[2], "wb").write(data)
PY
    refused "archive|zstd|tar" "$T/flipped"
done

# Archives that somebody wrote with care.
python3 - "$T/good.tar" "$T" <<'PY'
import io, json, sys, tarfile
good, target = sys.argv[1:]
text = tarfile.open(good).extractfile("archive.json").read()
inventory = json.loads(text)
item = inventory["snapshots"][0]
descriptor = json.loads(item["descriptor"])

def canonical(change):
    copy = json.loads(item["descriptor"])
    change(copy)
    return json.dumps(copy, separators=(",", ":"))

def write(name, members):
    with tarfile.open(f"{target}/{name}.evil", "w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in members:
            info = tarfile.TarInfo(path)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))

def with_item(**changes):
    return json.dumps({**inventory, "snapshots": [{**item, **changes}]}).encode()

write("name", [("archive.json", with_item(name="../../escaped"))])
write("utf8", [("archive.json", text.replace(b'"good"', b'"go\xffd"'))])
write("file", [("archive.json", with_item(descriptor=canonical(lambda d: d["state"]["upper"].update(file="../../escaped"))))])
write("huge", [("archive.json", with_item(descriptor=canonical(lambda d: d["state"]["upper"].update(size_bytes=1 << 50))))])
write("room", [("archive.json", with_item(data_bytes=15 << 40, descriptor=canonical(lambda d: d["state"]["upper"].update(size_bytes=16 << 40))))])
write("loop", [("archive.json", json.dumps({**inventory, "snapshots": [item, item]}).encode())])
write("many", [("archive.json", json.dumps({**inventory, "snapshots": [item] * 5000}).encode())])
write("deep", [("archive.json", b'{"schema":1,"artifact":"snapshot-archive","snapshots":' + b"[" * 100000)])
write("schema", [("archive.json", text.replace(b'"schema": 1,', b'"schema": 2,'))])
write("empty", [])
write("other", [("archive.json", text), ("/etc/escaped", b"x")])
write("link", [("archive.json", text), ("snapshots/x/snapshot.json", None)])
write("other-descriptor", [("archive.json", text), (f"snapshots/{'0' * 64}/snapshot.json", b"{}")])
PY
refused "invalid snapshot name" "$T/name.evil"
refused "inventory" "$T/utf8.evil"
refused "file name is not valid" "$T/file.evil"
refused "no size that a disk has" "$T/huge.evil"
refused "has room for" "$T/room.evil"
refused "does not come from the one before it" "$T/loop.evil"
refused "number of snapshots" "$T/many.evil"
refused "inventory" "$T/deep.evil"
refused "schema 2, which this msb does not know" "$T/schema.evil"
refused "not an archive of snapshots" "$T/empty.evil"
refused "something else in place of" "$T/other.evil"
refused "something else in place of" "$T/link.evil"
refused "something else in place of" "$T/other-descriptor.evil"
assert_no_path "$T/escaped"
assert_no_path "$MSB_HOME/escaped"

# A disk that is larger than the inventory said; a kilobyte that unpacks to very much.
python3 - "$T/good.tar" "$T/swapped.evil" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.index(b"1\n2\n3\n4\n5\n")
data[at:at + 1] = b"9"
open(sys.argv[2], "wb").write(data)
PY
refused "is not what was archived" "$T/swapped.evil"
head -c 2000000000 /dev/zero | zstd -q -o "$T/zeros.evil"
refused "not an archive of snapshots" "$T/zeros.evil"
mkfifo "$T/fifo"
refused "is not a file" "$T/fifo"

# No room: said before anything is written, or when it turns out.
if [ "$(id -u)" -eq 0 ]; then
    mkdir "$T/small" && mount -t tmpfs -o size=300k tmpfs "$T/small"
    run_fail 1 "has room for 0" msb snapshot import "$T/good.tar" "$T/small"
    run_fail 1 "No space left" msb snapshot export "$T/good" -o "$T/small/out" --plain-tar
    assert_eq "$(ls -A "$T/small")" "" "what is left where no room is"
    umount "$T/small"
fi
no_leftovers
