#!/usr/bin/env bash
# ctest: timeout=300
# A file system in the guest whose server never answers blocks only those who use it.
. "$(dirname "$0")/../lib.sh"
need_kernel
need busybox

# use_kernel NAME: `msb` is from now on an installation that has this kernel only.
use_kernel() {
    local prefix=$T/$1
    mkdir -p "$prefix/share/microsandbox/kernels"
    cp -a "$MSB_BUILD/bin" "$MSB_BUILD/libexec" "$prefix/"
    ln -s "$MSB_BUILD/share/microsandbox/"{images,initramfs} "$prefix/share/microsandbox/"
    cp -d "$MSB_BUILD/share/microsandbox/kernels/$1" "$prefix/share/microsandbox/kernels/"
    MSB=$prefix/bin/msb
}

# start ARGUMENT...: msb with these, in the background. Sets $last to its process id.
declare -A started
start() {
    "$MSB" "$@" </dev/null >/dev/null 2>&1 &
    started[$!]="msb $*"
    last=$!
}

# interrupt PID: Ctrl-C, which ends the command at once.
interrupt() {
    local code=0 begin=${EPOCHREALTIME/./} took
    kill -INT "$1"
    wait "$1" || code=$?
    took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    assert_eq "$code" 130 "exit code of the interrupted ${started[$1]}"
    [ $took -lt 10000 ] || fail_test "took $took ms to be interrupted: ${started[$1]}"
}

# waiting: requests that wait for the server's answer, or to be sent.
waiting() { "$MSB" exec box -- sh -c 'cat /sys/fs/fuse/connections/*/waiting'; }
are_waiting() { [ "$(waiting)" -ge "$1" ]; }

# are_threads COUNT: the agent has at least so many; each operation that hangs has one.
are_threads() { [ "$("$MSB" exec box -- sh -c 'ls /proc/1/task | wc -l')" -ge "$1" ]; }

# others_work: everything that has nothing to do with that file system.
others_work() {
    run_ok limited 10 msb exec box -- sh -c 'echo fine >/tmp/file; cat /tmp/file'
    assert_eq "$out" fine
    rm -f "$T/back"
    run_ok limited 10 msb cp -q box:/tmp/file "$T/back"
    assert_eq "$(cat "$T/back")" fine
    run_ok limited 10 msb cp -q "$T/tree" box:/tmp/tree
    run_ok limited 10 msb cp -q box:/tmp/tree box:/tmp/again
    run_ok limited 10 msb exec box -- sh -c 'cat /tmp/again/inner; rm -r /tmp/tree /tmp/again'
    assert_eq "$out" inner
    for target in 9001 /run/echo.sock; do
        run_ok sh -c 'echo there and back | timeout 10 "$0" forward box --stdio "$1"' "$MSB" $target
        assert_eq "$out" "there and back" "what went through $target"
    done
}

mkdir "$T/tree"
echo inner >"$T/tree/inner"

# has_fuse: the guest's kernel has it, or a module of the kernel's bundle (which boots without it) does.
has_fuse() {
    local module=$MSB_BUILD/share/microsandbox/kernels/$kernel/fuse.ko
    if [ -e "$module" ]; then
        run_ok msb cp -q "$module" box:/tmp/
        run_ok msb cp -q "$(command -v busybox)" box:/tmp/
        run_ok msb exec box -- /tmp/busybox insmod /tmp/fuse.ko
    fi
    run_ok msb exec box -- sh -c 'grep -qw fuse /proc/filesystems && [ -c /dev/fuse ] && echo yes || :'
    [ "$out" = yes ]
}

# hang [init]: with a server that answers nothing at all, or only the kernel's greeting.
hang() {
    run_ok msb create -q -n box
    if ! has_fuse; then
        echo "SKIP: the kernel $kernel has no FUSE"
        run_ok msb rm -q -f box
        return
    fi
    tested=$((tested + 1))
    run_ok msb cp -q "$MSB_BUILD/tools/stuck_fuse" box:/bin/
    run_ok msb cp -q "$MSB_BUILD/tools/peer" box:/bin/
    run_ok msb exec box -- sh -c 'peer 9001 cat; peer /run/echo.sock cat'
    run_ok msb exec box -- sh -c 'mkdir /stuck; mount -t fusectl none /sys/fs/fuse/connections'
    run_ok msb exec box -- stuck_fuse /stuck "$@"
    others_work
    local before
    before=$(waiting) # the greeting

    start cp -q box:/stuck "$T/never"
    out_of=$last
    eventually 10 are_waiting $((before + 1))
    start cp -q "$T/tree" box:/stuck/
    into=$last
    # Commands that start there are stuck before execve.
    start exec -w /stuck box -- true
    in_directory=$last
    start exec box -- /stuck/program
    program=$last
    eventually 10 are_waiting $((before + 4))
    others_work
    for pid in $out_of $into $in_directory $program; do
        kill -0 "$pid" || fail_test "has ended: ${started[$pid]}"
    done
    interrupt $out_of
    interrupt $into
    others_work
    assert_no_path "$T/never"

    # A command has Ctrl-C for itself; the third one in a row kills it, also where it is stuck on its way.
    for pid in $in_directory $program; do
        code=0
        while kill -INT "$pid" 2>/dev/null; do sleep 0.2; done # two may count as one
        wait "$pid" || code=$?
        assert_match "$code" '^(130|137)$' "exit code of the interrupted ${started[$pid]}"
    done
    others_work
    start exec -w /stuck box -- true
    in_directory=$last
    start exec box -- /stuck/program
    program=$last

    # As many as there are other users of anything that is shared, and more.
    local copies=() forwards=()
    for _ in $(seq 12); do
        start cp -q box:/stuck "$T/never"
        copies+=("$last")
        start forward box --stdio /stuck/socket
        forwards+=("$last")
    done
    # The kernel sends one look-up in a directory at a time, so not all of them are requests.
    eventually 20 are_threads 25
    others_work
    for pid in "${copies[@]:2}" "${forwards[@]:2}"; do interrupt "$pid"; done

    # Two copies, two forwards and two commands hang still. The server ignores the signal that asks it to end, so the
    # grace passes; what follows it does not wait for a file system.
    local took
    took=$(milliseconds "$MSB" stop -q -t 2 box)
    echo "stopped after $took ms"
    [ "$took" -lt 15000 ] || fail_test "took $took ms to stop with a grace of 2 s"
    for pid in "${copies[@]:0:2}" "${forwards[@]:0:2}" $in_directory $program; do
        wait "$pid" && fail_test "succeeded: ${started[$pid]}"
    done
    if command -v e2fsck >/dev/null; then
        run_ok e2fsck -fn "$MSB_HOME/sandboxes/box/upper.ext4"
    fi
    run_ok msb exec box -- cat /tmp/file
    assert_eq "$out" fine "what was written before"
    run_ok msb rm -q -f box
}

tested=0
for kernel in "$MSB_BUILD"/share/microsandbox/kernels/uml-*; do
    kernel=${kernel##*/}
    use_kernel "$kernel"
    hang
    hang init
    rm -rf "${T:?}/$kernel"
done
[ $tested -gt 0 ] || skip "no kernel here has FUSE"
no_leftovers
