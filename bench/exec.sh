#!/usr/bin/env bash
# What a command and its streams cost inside one connection: round trips of `true` beside the
# guest's own fork and exec, and throughput of output and input beside a bare vsock stream.
#
#   bench/exec.sh [COMMANDS [ROUNDS [MiB]]]      default: 400 commands, 5 rounds of 1024 MiB
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
if [ ! -x "$MSB_BUILD/tools/exec_rpc" ] || [ ! -x "$MSB_BUILD/tools/stream_bench" ]; then
    cmake -S "$(dirname "$BENCH_DIR")" -B "$MSB_BUILD" -DMSB_BENCH=ON >/dev/null
    cmake --build "$MSB_BUILD" --target exec_rpc stream_bench -- --quiet
fi
trap '"$MSB" rm -q -f rpc 2>/dev/null || :; rm -rf "$T"' EXIT
"$MSB" create -q -n rpc
socket=$(find "$MSB_HOME/run/sandboxes" -name agent.sock)
"$MSB_BUILD/tools/exec_rpc" "$socket" "${1:-400}"
"$MSB_BUILD/tools/stream_bench" "$socket" "$T" "${2:-5}" "${3:-1024}"
