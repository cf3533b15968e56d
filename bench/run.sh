#!/usr/bin/env bash
# bench/run.sh [BUILD]: the numbers of the README, each beside what it is compared with, measured in
# turns on this machine. ROUNDS (default 20) sets how often.
. "$(dirname "$0")/lib.sh"
[ $# -eq 0 ] || MSB_BUILD=$(cd "$1" && pwd)
MSB=$MSB_BUILD/bin/msb
rounds=${ROUNDS:-20}
box=bench-$$ # a name of our own: processes are found by it

RUNSC_ROOT=$T/runsc
runsc_flags=(--root "$RUNSC_ROOT" --platform=ptrace --network=none)

finish() {
    # shellcheck disable=SC2046
    "$MSB" rm -q -f $("$MSB" ls -q 2>/dev/null) 2>/dev/null || :
    runsc "${runsc_flags[@]}" delete -force peer >/dev/null 2>&1 || :
    rm -rf "$T"
}
trap finish EXIT

kernels=$MSB_BUILD/share/microsandbox/kernels
echo "machine: $(nproc) cores, $(uname -r); load $(cut -d' ' -f1 /proc/loadavg)"
echo "kernels: $(find "$kernels" -mindepth 1 -printf '%f ')"

# A share directory with one kernel only, to measure each.
build_with_kernel() {
    mkdir -p "$T/$1/share/microsandbox/kernels" "$T/$1/bin"
    cp "$MSB" "$T/$1/bin/msb"
    ln -s "$MSB_BUILD/libexec" "$T/$1/libexec"
    ln -s "$(readlink -f "$kernels/$1")" "$T/$1/share/microsandbox/kernels/$1"
    ln -s "$MSB_BUILD/share/microsandbox/initramfs" "$MSB_BUILD/share/microsandbox/images" \
        "$T/$1/share/microsandbox/"
}

have_runsc=0
command -v runsc >/dev/null && [ "$(id -u)" -eq 0 ] && have_runsc=1

bench_run() {
    local kernel=$1 target=$2 program
    build_with_kernel "$kernel"
    program=$T/$kernel/bin/msb
    "$program" run -q -- true
    for _ in $(seq "$rounds"); do
        measure "$T/run.$kernel" "$program" run -q -- true
        [ $have_runsc = 0 ] || measure "$T/run.runsc.$kernel" runsc --platform=ptrace --network=none "do" /bin/true
    done
    [ $have_runsc = 0 ] || report "run -- true, kernel $kernel" "$T/run.$kernel" "runsc do /bin/true" "$T/run.runsc.$kernel" "$target"
    for _ in $(seq "$rounds"); do
        "$program" run -q --timings -- true 2>>"$T/timings.$kernel"
    done
    for stage in host engine kernel root ready exec command teardown total; do
        awk -v s="$stage" '$1 == s {print $2}' "$T/timings.$kernel" >"$T/stage"
        awk -v s="$stage" -v m="$(median "$T/stage")" 'BEGIN {printf "    %-10s %7.2f ms\n", s, m}'
    done
    awk '/^kernel/ {k = $2} /^total/ {print $2 - k}' "$T/timings.$kernel" >"$T/stage"
    awk -v m="$(median "$T/stage")" 'BEGIN {printf "    not kernel %7.2f ms (wanted <= 40 with the tuned kernel)\n", m}'
}

bench_exec() {
    "$MSB" create -q -n "$box"
    if [ $have_runsc = 1 ]; then
        mkdir -p "$T/bundle/rootfs/bin"
        cp "$(command -v busybox)" "$T/bundle/rootfs/bin/busybox"
        ln -s busybox "$T/bundle/rootfs/bin/sleep"
        ln -s busybox "$T/bundle/rootfs/bin/true"
        (cd "$T/bundle" && runsc spec -- /bin/sleep 1000)
        runsc "${runsc_flags[@]}" run -detach -bundle "$T/bundle" peer >/dev/null 2>&1 </dev/null
    fi
    for _ in $(seq "$rounds"); do
        measure "$T/exec" "$MSB" exec "$box" -- true
        [ $have_runsc = 0 ] || measure "$T/exec.runsc" runsc "${runsc_flags[@]}" exec peer /bin/true
    done
    [ $have_runsc = 0 ] || report "exec -- true" "$T/exec" "runsc exec /bin/true" "$T/exec.runsc" 0.4
}

# PSS of every process of the sandbox, without the guest's memory (the shared file in /dev/shm).
bench_memory() {
    local total=0 pid part
    sleep 2
    # shellcheck disable=SC2046
    for pid in $(descendants $(pgrep -f "^/runtime $box\$")); do
        part=$(awk '/^[0-9a-f]+-[0-9a-f]+ / {guest = /vm_file|\/dev\/shm|memfd:|\(deleted\)/}
                    /^Pss:/ && !guest {sum += $2} END {print sum + 0}' "/proc/$pid/smaps" 2>/dev/null || echo 0)
        printf '    %-16s %6d KiB\n' "$(cat "/proc/$pid/comm")" "$part"
        total=$((total + part))
    done
    awk -v kib=$total 'BEGIN {printf "%-34s %8.1f MB (wanted <= 15)\n", "memory of one idle sandbox", kib / 1024}'
}

# descendants PID...: the processes and everything below them.
descendants() {
    local pid
    for pid; do
        echo "$pid"
        # shellcheck disable=SC2046
        descendants $(pgrep -P "$pid" || :)
    done
}

bench_many() {
    local begin i pids=()
    begin=$(now)
    for i in $(seq 20); do
        "$MSB" create -q -m 128M -n "many$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    for i in $(seq 20); do
        [ "$("$MSB" exec "many$i" -- echo "$i")" = "$i" ] || echo "sandbox many$i does not answer"
    done
    echo "20 sandboxes at once: started and answered after $((($(now) - begin) / 1000)) ms"
}

[ ! -e "$kernels/uml-tuned" ] || bench_run uml-tuned 1.1
[ ! -e "$kernels/uml-debian" ] || bench_run uml-debian 2.5
bench_exec
bench_memory
bench_many
"$BENCH_DIR/blk.sh" "${BLK_ROUNDS:-20}"
"$BENCH_DIR/shares.sh" "${SHARES_ROUNDS:-5}"
"$BENCH_DIR/exec.sh"
"$BENCH_DIR/isolation.sh"
"$BENCH_DIR/files.sh" "${FILES_ROUNDS:-5}"
