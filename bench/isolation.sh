#!/usr/bin/env bash
# What other clients of a sandbox cost one: the same commands over one connection alone, beside a client
# whose command writes 1 GiB that it never reads, and beside 127 idle clients.
#
#   bench/isolation.sh [ROUNDS]      default: 5 rounds of 20 commands each
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
if [ ! -x "$MSB_BUILD/tools/exec_isolation" ]; then
    cmake -S "$(dirname "$BENCH_DIR")" -B "$MSB_BUILD" -DMSB_BENCH=ON >/dev/null
    cmake --build "$MSB_BUILD" --target exec_isolation -- --quiet
fi
trap '"$MSB" rm -q -f crowd 2>/dev/null || :; rm -rf "$T"' EXIT
"$MSB" create -q -n crowd
"$MSB_BUILD/tools/exec_isolation" "$(find "$MSB_HOME/run/sandboxes" -name agent.sock)" "${1:-5}"
