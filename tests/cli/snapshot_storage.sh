#!/usr/bin/env bash
# Storage that a sandbox has to itself (--mount-owned) is in its snapshots, and comes with them wherever they go.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

msb create -q -n box --mount-owned /o --mount-owned /k:kind=disk,size=200M --mount-owned /r:ro
run_ok msb exec box -- sh -c '
    mkdir -p /o/deep/er && echo dir >/o/deep/er/file && ln /o/deep/er/file /o/second && ln -s deep/er/file /o/link
    chown 1234:5678 /o/second && chmod 4751 /o/second && mkfifo /o/fifo && truncate -s 1G /o/holes
    printf "%b" "/o/b\0377d" | xargs -I{} touch {}; echo disk >/k/file; echo root >/root-file; sync'
run_fail 1 "stop it first" msb snapshot create -q early --from box
assert_no_path "$MSB_HOME/snapshots/early"
msb stop -q box
run_ok msb snapshot create -q --integrity one --from box
assert_eq "$(ls "$MSB_HOME/snapshots/one")" $'owned-1.tar\nowned-2.ext4\nowned-3.tar\nsnapshot.json\nupper.ext4'
assert_eq "$(stat -c %a "$MSB_HOME/snapshots/one/owned-1.tar")" 400
[ "$(du -k "$MSB_HOME/snapshots/one/owned-1.tar" | cut -f1)" -lt 1024 ] || fail_test "the holes are in the tar"
run_ok msb snapshot open --verify one
assert_match "$out" '/k: *owned ext4 disk \(200 MiB\), owned-2.ext4'
assert_match "$out" '/o: *owned directory, owned-1.tar'
assert_match "$out" 'Verification: *verified'

look='cat /o/deep/er/file /o/link /k/file /root-file; stat -c "%u:%g %a %h" /o/second; stat -c %F /o/fifo; stat -c %s /o/holes; ls /o | wc -l; touch /r/x 2>&1'
there=$'dir\ndir\ndisk\nroot\n1234:5678 4751 2\nfifo\n1073741824\n6'

# Each sandbox has its own copy, at the same places.
run_ok msb create -q -n a --from one
run_ok msb exec a -- sh -c "$look || true; echo changed >/o/deep/er/file; echo changed >/k/file"
assert_eq "${out%$'\n'*}" "$there"
assert_match "$out" 'Read-only file system'
run_ok msb run -q --from one -- sh -c "$look || true"
assert_eq "${out%$'\n'*}" "$there"

# What is asked for at such a place holds; a disk stays what it is.
mkdir "$T/host"
echo host >"$T/host/file"
run_ok msb run -q --from one -v "$T/host:/o" --mount-owned /k:kind=disk,size=200M,ro --mount-owned /new -- \
    sh -c 'cat /o/file /k/file; touch /new/x; touch /k/x 2>/dev/null || echo read-only'
assert_eq "$out" $'host\ndisk\nread-only'
run_fail 1 'has an owned ext4 disk \(200 MiB\) for /k, not an owned ext4 disk \(300 MiB\)' \
    msb run -q --from one --mount-owned /k:kind=disk,size=300M -- true
run_fail 1 'not an owned directory' msb run -q --from one --mount-owned /k -- true

# A snapshot of what came from a snapshot; archives; another home.
msb stop -q a
run_ok msb snapshot create -q two --from a
run_ok msb snapshot export two -o "$T/all.tar.zst" --with-parents --with-image
run_ok msb snapshot export one -o "$T/one.tar" --plain-tar
run_ok msb snapshot export two -o "$T/since.tar.zst" --since one
assert_contains "$(tar -tf "$T/one.tar")" owned-1.tar
first=$MSB_HOME
MSB_HOME=$T/other
run_ok msb snapshot import -q "$T/all.tar.zst"
run_ok msb run -q --from two -- sh -c 'cat /o/deep/er/file /k/file; stat -c "%u:%g %a" /o/second'
assert_eq "$out" $'changed\nchanged\n1234:5678 4751'
run_ok msb snapshot rm -q two
run_ok msb snapshot verify one
run_ok msb snapshot import -q "$T/since.tar.zst"
run_ok msb run -q --from two -- cat /o/deep/er/file /k/file
assert_eq "$out" $'changed\nchanged'
MSB_HOME=$first

# Nothing is left out in silence: a file that is missing or was changed is noticed.
cp -r --sparse=always "$MSB_HOME/snapshots/one" "$T/moved"
run_ok msb run -q --from "$T/moved" -- cat /k/file
chmod u+w "$T/moved/owned-2.ext4"
printf x | dd of="$T/moved/owned-2.ext4" bs=1 seek=5000 conv=notrunc status=none
run_fail 1 "integrity check failed: '.*owned-2.ext4' has the hash" msb snapshot verify "$T/moved"
rm -f "$T/moved/owned-2.ext4"
run_fail 1 "is damaged" msb run -q --from "$T/moved" -- true

# A tar that somebody wrote with care reaches nothing outside.
cp -r --sparse=always "$MSB_HOME/snapshots/two" "$T/evil"
python3 - "$T/evil" "$T/outside" <<'PY'
import io, json, os, sys, tarfile
snapshot, outside = sys.argv[1:]
path = snapshot + "/owned-1.tar"
os.chmod(path, 0o600)
with tarfile.open(path, "w") as tar:
    link = tarfile.TarInfo("out")
    link.type, link.linkname = tarfile.SYMTYPE, os.path.dirname(outside)
    tar.addfile(link)
    member = tarfile.TarInfo("out/outside")
    member.size = 3
    tar.addfile(member, io.BytesIO(b"bad"))
descriptor = snapshot + "/snapshot.json"
document = json.load(open(descriptor))
for item in document["extensions"]["msb.owned_storage"]["storage"]:
    if item["file"] == "owned-1.tar":
        item["size_bytes"] = os.path.getsize(path)
os.chmod(descriptor, 0o600)
open(descriptor, "w").write(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
PY
run_fail 1 "its own storage at /o" msb create -q -n evil --from "$T/evil"
assert_no_path "$T/outside"
assert_no_path "$MSB_HOME/sandboxes/evil"
msb rm -q -f box a
no_leftovers
