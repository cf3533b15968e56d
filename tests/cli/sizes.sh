#!/usr/bin/env bash
# --cpus, --memory, their maxima and --thp: kept, shown, and refused with the value and what to do
# where the engine, its kernel or this machine cannot give them.
. "$(dirname "$0")/../lib.sh"
need_kernel
cpus=$(nproc)
memory=$(($(getconf _PHYS_PAGES) * ($(getconf PAGESIZE) / 1024) / 1024))

# Kept and shown.
run_ok msb create -q -n sized -c 1 --max-cpus 1 -m 192M --max-memory 192M --thp never
run_ok msb inspect sized --format json
for field in '"cpus": 1' '"max_cpus": 1' '"memory_mib": 192' '"max_memory_mib": 192' '"thp": "never"'; do
    assert_contains "$out" "$field"
done
run_ok msb inspect sized
assert_match "$out" 'Memory: +192 MiB'
assert_match "$out" 'Max CPUs: +1'
assert_match "$out" 'THP: +never'
run_ok msb ps sized --format json
assert_contains "$out" '"max_memory_mib": 192'
# The guest has the memory, less what its kernel takes.
run_ok msb exec sized -- sh -c 'grep MemTotal /proc/meminfo | tr -dc 0-9'
if [ "$out" -lt $((128 * 1024)) ] || [ "$out" -gt $((192 * 1024)) ]; then fail_test "guest memory: $out KiB"; fi
run_ok msb rm -q -f sized

# A maximum follows its value.
run_ok msb create -q -n plain -m 160M
run_ok msb inspect plain --format json
assert_contains "$out" '"max_memory_mib": 160'
assert_contains "$out" '"thp": "madvise"'
run_ok msb rm -q -f plain

# No sense at all.
run_fail 1 'cpus must be greater than 0' msb run -q -c 0 -- true
run_fail 1 'max_cpus 1 must be greater than or equal to cpus 2' msb run -q -c 2 --max-cpus 1 -- true
run_fail 1 'max_memory 256 MiB must be greater than or equal to memory 512 MiB' \
    msb run -q --max-memory 256M -- true
for size in 64M 127M 17000G; do
    run_fail 1 'invalid config: root disk must have 128 MiB to 16 TiB' msb run -q --root-disk $size -- true
done
run_ok msb run -q --root-disk 128M -- true
run_fail 1 'invalid size' msb run -q -m lots -- true
run_fail 2 'thp' msb run -q --thp sometimes -- true

# More than this machine has, or than the engine can do. Nothing is left of the attempt.
more_cpus=$((cpus + 1)) more_memory=$((memory + 1))
run_fail 1 "$more_cpus CPUs: this machine has $cpus" msb create -q -n no -c "$more_cpus"
assert_contains "$err" "use --cpus"
run_fail 1 "$more_memory MiB of memory: this machine has $memory MiB" msb create -q -n no -m "${more_memory}M"
assert_contains "$err" "use --memory"
run_fail 1 '8 MiB of memory is too little' msb create -q -n no -m 8M
assert_contains "$err" "use at least --memory 32M"
run_fail 1 'at most 1024 MiB of memory while the machine runs.*cannot add' msb create -q -n no --max-memory 1G
assert_contains "$err" "leave out --max-memory"
run_fail 1 'at most 2 CPUs while the machine runs.*cannot add' msb create -q -n no --max-cpus 2
assert_contains "$err" "leave out --max-cpus"
run_fail 1 "transparent huge pages 'always'" msb create -q -n no --thp always
assert_contains "$err" "use --thp madvise"
run_ok msb ls --format json
assert_eq "$out" '[]'
no_leftovers
