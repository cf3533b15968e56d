#!/usr/bin/env bash
# Replacing a sandbox that is shutting down, wedged, or cannot even be connected to is bounded by the
# grace.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

# In the middle of a long shutdown.
run_ok msb run -d -q -n box -- sh -c 'trap "" TERM; touch /root/ready; while :; do sleep 0.1; done'
eventually 10 msb exec box -- test -e /root/ready
run_ok msb stop -q --no-wait -t 600 box
run_ok msb ls --format json
assert_contains "$out" '"status": "Draining"'
start=$SECONDS
run_ok msb create -q -n box --replace-with-timeout 1s
[ $((SECONDS - start)) -lt 20 ] || fail_test "took $((SECONDS - start)) s"

# The runtime does not run at all any more.
runtime=$(host_pids_of runtime)
kill -STOP "$runtime"
start=$SECONDS
run_ok msb create -q -n box --replace-with-timeout 1s
[ $((SECONDS - start)) -lt 20 ] || fail_test "took $((SECONDS - start)) s"

# ... and nobody can connect to it, because its backlogs are full.
runtime=$(host_pids_of runtime)
kill -STOP "$runtime"
cat >"$T/fill.py" <<'PY'
import glob, socket, sys, time
held = []
for name in "agent.sock", "runtime.sock":
    path, = glob.glob(sys.argv[1] + "/run/sandboxes/*/" + name)
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(0.2)
        try:
            s.connect(path)
        except OSError:
            break
        held.append(s)
open(sys.argv[1] + "/full", "w").close()
time.sleep(300)
PY
helper python3 "$T/fill.py" "$MSB_HOME"
eventually 30 test -e "$MSB_HOME/full"
start=$SECONDS
run_ok msb create -q -n box --replace-with-timeout 1s
[ $((SECONDS - start)) -lt 30 ] || fail_test "took $((SECONDS - start)) s"
run_ok msb exec box -- true
run_ok msb rm -q -f box
no_leftovers
