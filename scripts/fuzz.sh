#!/bin/bash
# fuzz.sh BUILD SECONDS [NAME]: runs each fuzzer (or one) for a while from its corpus in the tree, as many
# at once as there are cores, and closes with "N passed, N failed, N skipped". Findings are left in
# BUILD/fuzz/findings.
set -uo pipefail
# As for the unit tests (cmake/MsbTargets.cmake): launched children share the memory.
export ASAN_OPTIONS=detect_stack_use_after_return=0
export build=$1 seconds=$2
only=${3:-}
export findings=$build/fuzz/findings
mkdir -p "$findings"
work=$(mktemp -d)
export work
trap 'rm -rf "$work"' EXIT

fuzz_one() {
    local name=${1%%:*} corpus=${1#*:}
    mkdir "$work/$name"
    if "$build/fuzz/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -verbosity=0 \
        -artifact_prefix="$findings/$name-" "$work/$name" ${corpus:+"$corpus"} \
        >"$work/$name.log" 2>&1; then
        echo "fuzz $name: passed"
    else
        echo "fuzz $name: FAILED"
        tail -n 40 "$work/$name.log"
    fi
}
export -f fuzz_one

# corpora.txt: NAME:CORPUS-DIRECTORY, one fuzzer a line.
# shellcheck disable=SC2016
grep -E "^${only:-[^:]+}:" "$build/fuzz/corpora.txt" |
    xargs -r -d '\n' -n 1 -P "${JOBS:-$(nproc)}" bash -c 'fuzz_one "$1"' fuzz | tee "$work/results"

passed=$(grep -c '^fuzz [^ ]*: passed$' "$work/results")
failed=$(grep -c '^fuzz [^ ]*: FAILED$' "$work/results")
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
