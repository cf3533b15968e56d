#!/usr/bin/env bash
# ctest: heavy
# A machine stays on one of the host's CPUs, and leaves it when it has to share it while another is free.
. "$(dirname "$0")/../lib.sh"
need_kernel
need taskset pgrep
mapfile -t cpus < <(taskset -cp $$ | sed 's/.*: //; s/,/\n/g' |
    awk -F- '{for (i = $1; i <= (NF > 1 ? $2 : $1); i++) print i}')
[ "${#cpus[@]}" -ge 2 ] || skip "needs two CPUs"

run_ok msb create -q -n one
run_ok msb create -q -n two

# The machines' kernels and the processes they run guest programs in.
mapfile -t kernels < <(host_pids_of linux linux.uml | while read -r pid; do
    # Its parent, the init of the jail, has the program's name in its command line only.
    [ -n "$(pgrep -P "$pid" || :)" ] && echo "$pid"
done)
assert_eq "${#kernels[@]}" 2
# cpus_of PID: where a machine's processes may run, each list once.
cpus_of() {
    local pid
    for pid in "$1" $(pgrep -P "$1"); do taskset -cp "$pid" 2>/dev/null | sed 's/.*: //'; done | sort -u
}
for kernel in "${kernels[@]}"; do
    [ "$(pgrep -c -P "$kernel")" -ge 1 ] || fail_test "a machine without a guest process"
    assert_match "$(cpus_of "$kernel")" '^[0-9]+$'
done

# Both on one CPU, by force. Idle machines do not mind.
crowd() {
    local kernel pid
    for kernel in "${kernels[@]}"; do
        for pid in "$kernel" $(pgrep -P "$kernel"); do taskset -cp "${cpus[0]}" "$pid" >/dev/null || :; done
    done
}
crowd
sleep 2
assert_eq "$(cpus_of "${kernels[0]}") $(cpus_of "${kernels[1]}")" "${cpus[0]} ${cpus[0]}"

# Busy ones do: one of them goes, with everything it runs.
for name in one two; do
    "$MSB" exec -d "$name" -- sh -c 'while :; do :; done' >/dev/null
done
apart() {
    local first second
    first=$(cpus_of "${kernels[0]}")
    second=$(cpus_of "${kernels[1]}")
    [[ $first =~ ^[0-9]+$ && $second =~ ^[0-9]+$ && $first != "$second" ]]
}
# idle_ticks: of the CPUs there are to go to (1/100 s).
idle_ticks() { awk -v crowded="cpu${cpus[0]}" '/^cpu[0-9]/ && $1 != crowded {sum += $5} END {print sum}' /proc/stat; }
begin=$(idle_ticks)
for ((i = 1; ; i++)); do
    sleep 1 # looking is work, too
    if apart; then break; fi
    [ $i -lt 30 ] || break
done
# Nobody has to go where it is as crowded.
if ! apart; then
    idle=$(($(idle_ticks) - begin))
    where=$(cpus_of "${kernels[0]}")
    run_ok msb rm -q -f one two
    [ $idle -ge 1000 ] || skip "the other CPUs are busy with something else"
    fail_test "both machines are on CPU $where after $i s"
fi

# A child of a busy one starts where its machine is.
run_ok msb exec one -- sh -c 'sh -c "sh -c true"'
assert_match "$(cpus_of "${kernels[0]}")" '^[0-9]+$'
run_ok msb rm -q -f one two
no_leftovers
