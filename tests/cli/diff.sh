#!/usr/bin/env bash
# What differs between two snapshots, and between a stopped sandbox and what it began with, without starting anything.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

# Against an image that has something to change.
tree=$T/tree
make_rootfs "$tree"
mkdir -p "$tree"/{srv/old/deep,srv/again,srv/renamed,srv/mode}
printf '%s' one >"$tree/srv/file"
printf '%s' same >"$tree/srv/touched"
printf '%s' mode >"$tree/srv/chmod"
printf '%s' gone >"$tree/srv/gone"
printf '%s' moved >"$tree/srv/moved"
head -c 300000 /dev/zero >"$tree/srv/large"
touch "$tree/srv/old/x" "$tree/srv/old/deep/y" "$tree/srv/again/a" "$tree/srv/again/b" "$tree/srv/renamed/z"
ln -s target "$tree/srv/link"
new_image "$T/layout"
add_layer "$T/layout" "$tree"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t changed
mkdir "$T/share"
msb create -q -n made -v "$T/share:/mnt/share" --mkdir /patched changed
msb stop -q made
run_ok msb diff made
assert_eq "$out" "A /patched/" "what msb itself makes is not listed"
msb start -q made
msb exec made -- sh -c 'cd /srv; printf longer >file; touch touched; chmod 600 chmod; rm gone; rm -r old again; mkdir again; echo b >again/b
    mv renamed named; mv moved place; chmod 700 mode; ln -sf other link; printf x | dd of=large bs=1 seek=200000 conv=notrunc 2>/dev/null
    mv link l && mv l link; echo 10.0.0.1 elsewhere >>/etc/hosts; sync'
msb stop -q made
run_ok msb diff made
assert_match "$out" '^A /etc/hosts  '
assert_eq "$(grep -v /etc/hosts <<<"$out")" "$(sed 's/^ *//' <<'END'
    A /patched/
    D /srv/again/a  0 B
    C /srv/again/b  0 B → 2 B
    C /srv/chmod  4 B → 4 B
    C /srv/file  3 B → 6 B
    D /srv/gone  4 B
    C /srv/large  293.0 KiB → 293.0 KiB
    C /srv/link
    C /srv/mode/
    D /srv/moved  5 B
    A /srv/named/
    D /srv/old/
    A /srv/place  5 B
    D /srv/renamed/
END
)" "against the image"
msb start -q made
msb stop -q made
run_ok msb diff made
assert_not_contains "$out" /etc "a start makes its files anew"
run_ok msb rm -q -f made

msb create -q -n box
msb exec box -- sh -c 'mkdir -p /data/deep; cd /data; echo one >same; echo old >file; seq 100000 >big; ln -s a link; mkdir gone; touch gone/x; sync'
msb stop -q box
run_ok msb diff box
assert_match "$out" '^A /data/$'
assert_match "$out" '^A /data/file  4 B$'
assert_match "$out" '^A /data/link$'
assert_not_contains "$out" "/upper"
msb snapshot create -q one --from box >/dev/null
msb create -q -n fork --from one
msb exec fork -- sh -c 'cd /data; echo longer >file; touch same; echo 1 >deep/new; printf x | dd of=big bs=1 seek=5 conv=notrunc 2>/dev/null
    rm -r gone; ln -sf b link; chmod 700 deep; rm /etc/passwd; echo changed >>/etc/group; sync'
msb stop -q fork
msb snapshot create -q two --from fork >/dev/null

run_ok msb snapshot diff one two
for line in 'C /data/big  575.1 KiB → 575.1 KiB' 'C /data/file  4 B → 7 B' 'A /data/deep/new  2 B' 'C /data/deep/' \
    'C /data/link' 'D /data/gone/' 'D /data/gone/x  0 B' 'D /etc/passwd'; do
    grep -qxF -- "$line" <<<"$out" || { show; fail_test "no line '$line'"; }
done
assert_match "$out" '^C /etc/group  '
assert_not_contains "$out" /data/same
assert_eq "$(msb diff fork)" "$out" "the sandbox against the snapshot that it began with"
assert_eq "$(msb snapshot diff two two)" "" "a snapshot against itself"
run_ok msb snapshot diff two one
assert_contains "$out" "A /data/gone/x  0 B"
msb snapshot diff one two --format json >"$T/diff.json"
python3 - "$T/diff.json" <<'PY'
import json, sys
rows = {row["path"]: row for row in json.load(open(sys.argv[1]))}
assert rows["/data/file"] == {"path": "/data/file", "change": "changed", "type": "file", "size_before": 4, "size_after": 7}, rows
assert rows["/data/gone/x"]["change"] == "removed" and rows["/data/link"]["type"] == "link", rows
assert rows["/etc/passwd"] == {"path": "/etc/passwd", "change": "removed", "type": "other", "size_before": None, "size_after": None}, rows
PY

# Names of any bytes are shown so that they harm no terminal; many files are no problem.
msb start -q fork
msb exec fork -- sh -c 'cd /data; touch "$(printf "a\033[31mb")" "$(printf "c\nd")"; mkdir many; cd many; for i in $(seq 2000); do echo $i >$i; done; sync'
run_fail 1 "stop it, or compare a snapshot" msb diff fork
msb stop -q fork
run_ok msb diff fork
assert_eq "$(grep -c '^A /data/many/[0-9]' <<<"$out")" 2000
case $out in *$'\033'*) fail_test "an escape reaches the terminal" ;; esac

# A disk that was not unmounted, or is none.
msb start -q fork
msb exec fork -- sh -c 'echo x >/data/file; sync'
kill -9 "$(host_pids_of runtime)"
eventually 10 sh -c "$MSB ls --format json | grep -q Crashed"
run_fail 1 "did not unmount the disk" msb diff fork
cp -r --sparse=always "$MSB_HOME/snapshots/two" "$T/bad"
chmod u+w "$T/bad/upper.ext4"
for at in 1024 1080 4096 8192 70000 1000000; do
    cp --sparse=always "$MSB_HOME/snapshots/two/upper.ext4" "$T/bad/upper.ext4"
    head -c 4096 /dev/urandom | dd of="$T/bad/upper.ext4" bs=1 seek=$at conv=notrunc status=none
    run msb snapshot diff one "$T/bad"
    case $code in 0 | 1) ;; *) show; fail_test "exit code $code with garbage at $at" ;; esac
    assert_not_contains "$err" "system call that it may not make"
done
truncate -s 4294967295 "$T/bad/upper.ext4" && truncate -s 4294967296 "$T/bad/upper.ext4"
dd if=/dev/zero of="$T/bad/upper.ext4" bs=1M count=1 conv=notrunc status=none
run_fail 1 "file system is damaged: it cannot be opened" msb snapshot diff one "$T/bad"
msb rm -q -f box fork
no_leftovers
