# Helpers of the benchmarks: alternating measurements, medians, ratios. Nothing is stored: a number only has a meaning
# beside others of the same run.
# shellcheck shell=bash
set -euo pipefail

BENCH_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
MSB_BUILD=${MSB_BUILD:-$(dirname "$BENCH_DIR")/build}
T=$(mktemp -d "${TMPDIR:-/tmp}/msb-bench.XXXXXX")
export MSB_HOME=$T/home

# now: microseconds.
now() { echo "${EPOCHREALTIME/./}"; }

# measure FILE COMMAND...: appends the run time in microseconds to FILE.
measure() {
    local file=$1 begin end
    shift
    begin=${EPOCHREALTIME/./}
    "$@" >/dev/null 2>"$T/stderr" </dev/null || {
        echo "failed: $*" >&2
        cat "$T/stderr" >&2
        return 1
    }
    end=${EPOCHREALTIME/./}
    echo $((end - begin)) >>"$file"
}

# median FILE
median() { sort -n "$1" | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
# percentile90 FILE
percentile90() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int(NR * 0.9 + 0.999)]}'; }

# report NAME OURS PEER_NAME PEERS TARGET: files of microseconds; one line.
report() {
    awk -v name="$1" -v ours="$(median "$2")" -v p90="$(percentile90 "$2")" -v peer="$3" \
        -v theirs="$(median "$4")" -v n="$(wc -l <"$2")" -v target="$5" 'BEGIN {
        printf "%-34s %8.1f ms (p90 %.1f)  %-22s %8.1f ms  ratio %.2f (wanted <= %s)  n=%d\n",
            name, ours / 1000, p90 / 1000, peer, theirs / 1000, ours / theirs, target, n }'
}
