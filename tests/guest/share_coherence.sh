#!/usr/bin/env bash
# Both sides of a share see one file system: what the host has changed is what the next open or look-up of the
# guest sees; no two files look like one; locks and executable bits are the same on both sides.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel
need git

mkdir "$T/dir"
cp "$MSB_BUILD/tools/share_probe" "$T/dir/"
run_ok msb create -q -n box -v "$T/dir:/w" -v "$T/dir/share_probe:/probe" --mount-dir "$T/dir:/c:cache=cached"
guest() { run msb exec box -- sh -c "$1"; }

# Contents, longer, shorter, as long, and replaced: read right after.
for i in 1 2 3 4 5; do
    for text in "short $i" "a much longer text than before $i" "short $i" "SHORT $i"; do
        echo "$text" >"$T/dir/j"
        guest 'cat /w/j'
        assert_eq "$out" "$text"
    done
    echo "replaced $i" >"$T/dir/.j"
    mv "$T/dir/.j" "$T/dir/j"
    guest 'cat /w/j; stat -c %s /w/j'
    assert_eq "$out" "replaced $i
$(stat -c %s "$T/dir/j")"
done
# Names that come and go, also those that were asked for before.
for i in 1 2 3 4 5; do
    guest 'cat /w/new 2>&1; ls /w/sub 2>&1'
    assert_eq "$(echo "$out" | grep -c 'No such file')" 2
    echo "$i" >"$T/dir/new"
    mkdir "$T/dir/sub"
    touch "$T/dir/sub/$i"
    guest 'cat /w/new; ls /w/sub'
    assert_eq "$out" "$i
$i"
    rm -r "$T/dir/sub" "$T/dir/new"
    ln -s j "$T/dir/sub"
    guest 'readlink /w/sub'
    assert_eq "$out" j
    rm "$T/dir/sub"
done
# The other way round: what a command of the guest wrote is there when it ends.
for i in 1 2 3; do
    guest "echo guest $i >/w/j && mv /w/j /w/k && rm -f /w/l && ln /w/k /w/l"
    assert_eq "$(cat "$T/dir/k" "$T/dir/l")" "guest $i
guest $i"
    assert_no_path "$T/dir/j"
done
# A cached mount sees it a second later.
echo new >"$T/dir/k"
seen() { [ "$(msb exec box -- cat /c/k)" = new ]; }
eventually 5 seen

# Executable bits, as git on both sides sees them.
git -C "$T/dir" init -q
printf '#!/bin/sh\n' >"$T/dir/run.sh"
chmod 755 "$T/dir/run.sh"
git -C "$T/dir" add run.sh
guest 'cp /w/run.sh /tmp/k; rm /w/run.sh; cat /tmp/k >/w/run.sh; chmod 755 /w/run.sh; chmod 4755 /w/run.sh'
assert_eq "$(git -C "$T/dir" diff --summary)" ""
assert_match "$(stat -c %a "$T/dir/run.sh")" '^7..$' # and no set-user-id
guest 'chmod 644 /w/run.sh'
assert_match "$(git -C "$T/dir" diff --summary)" 'mode change 100755 => 100644'
chmod +x "$T/dir/run.sh"
guest '/w/run.sh && stat -c %a /w/run.sh'
assert_eq "$out" 755

# Locks: of the host in the guest, and of the guest on the host.
: >"$T/dir/lock"
probe=$MSB_BUILD/tools/share_probe
mkfifo "$T/held" "$T/waits" "$T/go"
exec 7<>"$T/go" 8<>"$T/held" 9<>"$T/waits"
fed_by() { # FIFO COMMAND...: bash gives what it starts in the background no input of its own
    helper sh -c 'fifo=$1; shift; exec "$@" <"$fifo"' - "$@"
}
fed_by "$T/held" "$probe" hold "$T/dir/lock" >"$T/saw"
eventually 10 grep -q locked "$T/saw"
guest '/w/share_probe try /w/lock'
assert_eq "$out" 'Resource temporarily unavailable'
holder=$helper_pid
fed_by "$T/waits" "$MSB" exec box -- /w/share_probe hold /w/lock >"$T/saw2"
echo >&8
wait "$holder"
eventually 10 grep -q locked "$T/saw2"
run "$probe" try "$T/dir/lock"
assert_eq "$out" 'Resource temporarily unavailable'
echo >&9
wait "$helper_pid"
run "$probe" try "$T/dir/lock"
assert_eq "$out" locked
# A counter under a lock of ranges, by two processes of the guest and one of the host.
echo 0 >"$T/dir/number"
helper "$MSB" exec box -- sh -c '/w/share_probe count /w/number 150 & /w/share_probe count /w/number 150 && wait'
"$T/dir/share_probe" count "$T/dir/number" 300
wait "$helper_pid"
assert_eq "$(tr -d '\n' <"$T/dir/number")" 600

# The host cuts a file that a guest has mapped, and one that it reads: no fault in anything but that process.
head -c 1048576 /dev/zero >"$T/dir/mapped"
fed_by "$T/go" "$MSB" exec box -- /w/share_probe mapped /w/mapped >"$T/saw"
eventually 10 grep -q mapped "$T/saw"
: >"$T/dir/mapped"
echo >&7
wait "$helper_pid"
assert_match "$(tail -n 1 "$T/saw")" '^(fault|byte 0)$'
guest 'cat /w/number'
assert_eq "$out" 600

# Names that are not UTF-8.
echo odd >"$T/dir/"$'\xff\xfe'
guest 'cd /w && old=$(printf "\377\376") && cat "$old" && mv "$old" $(printf "\375")'
assert_eq "$out" odd
assert_path "$T/dir/"$'\xfd'

# A directory that the host (or another guest) swaps for a link in a loop: nothing outside is ever seen.
mkdir "$T/outside" "$T/dir/real"
echo secret >"$T/outside/file"
echo inside >"$T/dir/real/file"
(
    while [ ! -e "$T/stop" ]; do
        mv -T "$T/dir/real" "$T/dir/way" && ln -s "$T/outside" "$T/dir/real" && rm "$T/dir/real" && mv -T "$T/dir/way" "$T/dir/real"
    done
) &
swapper=$!
guest 'i=0; while [ $i -lt 1500 ]; do cat /w/real/file /w/way/file 2>/dev/null; echo w >/w/real/made; i=$((i + 1)); done | sort -u'
touch "$T/stop"
wait "$swapper" || :
assert_eq "$out" inside
assert_no_path "$T/outside/made"
run_ok msb rm -q -f box

# Whose the user's files are.
touch "$T/dir/of-the-host"
run_ok msb run -v "$T/dir:/w:uid=1234,gid=56" -- stat -c %u:%g /w/of-the-host
assert_eq "$out" 1234:56
run_fail any 'both or neither' msb run -v "$T/dir:/w:uid=1234" -- true
run_fail any 'cache is strict or cached' msb run -v "$T/dir:/w:cache=maybe" -- true

# Two file systems of the host below one share.
if [ "$(id -u)" -eq 0 ]; then
    mkdir -p "$T/two/a" "$T/two/b"
    run_ok unshare -m bash -euc 'cd "$1" && mount -t tmpfs none a && mount -t tmpfs none b &&
        for d in a b; do echo "$d" >$d/x && ln $d/x $d/y; done
        exec "$2" run -v "$1:/w" -- sh -c "stat -c %d:%i /w/a/x /w/b/x; tar c -C /w . | tar tv; ls -i /w"' - "$T/two" "$MSB"
    assert_eq "$(echo "$out" | head -n 2 | sort -u | wc -l)" 2
    assert_eq "$(echo "$out" | grep -cE ' (->|link to) ')" 2
    assert_match "$out" ' \./a/[xy] (->|link to) \./a/[xy]'
    assert_match "$out" ' \./b/[xy] (->|link to) \./b/[xy]'
fi

# 64 mounts, of one process.
mounts=()
for i in $(seq 64); do
    mkdir -p "$T/m/$i"
    echo "$i" >"$T/m/$i/file"
    mounts+=(-v "$T/m/$i:/m/$i$([ $((i % 2)) = 0 ] || echo :ro)")
done
run_ok msb create -q -n many "${mounts[@]}"
assert_eq "$(host_pids_of fsd | wc -w)" 1
run_ok msb exec many -- sh -c 'cat /m/*/file | sort -n | tail -n 1; touch /m/2/made; touch /m/1/made; stat -c %d /m/* | sort -u | wc -l'
assert_eq "$out" "64
64"
assert_path "$T/m/2/made"
assert_no_path "$T/m/1/made"
run_fail any 'can have 64 mounts' msb create -n more "${mounts[@]}" -v "$T/m:/n"
run_ok msb rm -q -f many
no_leftovers
