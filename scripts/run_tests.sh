#!/bin/bash
# run_tests.sh BUILD [ctest options...]: runs the registered tests, names each skipped one with its
# reason and each failed one, and closes with the line "N passed, N failed, N skipped". Exits 0 only if
# at least one test ran and none failed.
set -uo pipefail
build=$1
shift

log=$build/Testing/Temporary/LastTest.log
output=$(mktemp)
trap 'rm -f "$output"' EXIT
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "${JOBS:-$(nproc)}" "$@" \
    </dev/null 2>&1 | tee "$output"

# From ctest's log ("N/M Testing: NAME" opens each test's section) come the reasons of skipped tests; from
# its output ("N/M Test #K: NAME ....  RESULT") the results.
awk '
    FNR == NR {
        if (/^[0-9]+\/[0-9]+ Testing: /) { sub(/^[^:]*: /, ""); name = $0 }
        else if (/^SKIP: /) reason[name] = substr($0, 7)
        # One case of a GoogleTest program: "FILE:LINE: Skipped", the reason, "[  SKIPPED ] CASE (N ms)".
        else if (case_skipped) { case_reason = $0; case_skipped = 0 }
        else if (/: Skipped$/) case_skipped = 1
        else if (/^\[  SKIPPED \] .* ms\)$/) {
            skipped++
            lines = lines "skipped: " name ": " $4 ": " case_reason "\n"
        }
        next
    }
    /^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: / {
        sub(/^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: /, "")
        name = $1
        if (/ Passed +[0-9.]+ sec/) passed++
        else if (/\*\*\*Skipped/) { skipped++; lines = lines "skipped: " name ": " reason[name] "\n" }
        else { failed++; lines = lines "FAILED: " name "\n" }
    }
    END {
        printf "\n%s%d passed, %d failed, %d skipped\n", lines, passed, failed, skipped
        exit failed > 0 || passed == 0
    }' "$log" "$output"
