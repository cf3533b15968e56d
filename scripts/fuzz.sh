#!/bin/bash
# fuzz.sh BUILD SECONDS [NAME]: runs each fuzzer (or one) for a while from its corpus in the tree, and
# closes with "N passed, N failed, N skipped". Findings are left in BUILD/fuzz/findings.
set -uo pipefail
build=$1 seconds=$2 only=${3:-}
findings=$build/fuzz/findings
mkdir -p "$findings"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# corpora.txt: NAME:CORPUS-DIRECTORY, one fuzzer a line.
while IFS=: read -r name corpus; do
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    mkdir "$work/$name"
    if "$build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
        -artifact_prefix="$findings/$name-" "$work/$name" ${corpus:+"$corpus"} \
        >"$work/$name.log" 2>&1; then
        echo "fuzz $name: passed"
        passed=$((passed + 1))
    else
        echo "fuzz $name: FAILED"
        tail -n 40 "$work/$name.log"
        failed=$((failed + 1))
    fi
done <"$build/fuzz/corpora.txt"

echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
