#!/usr/bin/env bash
# msb mcp: each tool does what it says, in a sandbox that ends with the client.
# ctest: timeout=180
. "$(dirname "$0")/../lib.sh"
need_kernel
no_sandboxes() { [ -z "$(msb ls -q)" ]; }
need python3
work_image tools:latest

cat >"$T/test.py" <<'PY'
import sys, time
from client import Client, Failed

client = Client(sys.argv[1], "mcp", "--max-output", "16")
tools = {tool["name"]: tool for tool in client.request("tools/list")["tools"]}
assert len(tools) >= 40 and tools["sandbox_run"]["inputSchema"]["required"] == ["script"], tools.keys()
assert tools["fs_read"]["annotations"]["readOnlyHint"] and tools["sandbox_remove"]["annotations"]["destructiveHint"]

# One command in a machine of its own, which is gone afterwards.
done = client.call("sandbox_run", script="cat; echo no >&2; exit 3", stdin="yes")
assert (done["stdout"], done["stderr"], done["exit_code"]) == ("yes", "no\n", 3), done
assert client.call("sandbox_list")["sandboxes"] == []

# A sandbox, and commands in it.
box = client.call("sandbox_create", image="tools:latest", name="box", memory_mib=256, env={"A": "b"})
assert box["status"] == "running" and box["memory_mib"] == 256, box
assert client.call("exec", sandbox="box", command="printenv", args=["A"])["stdout"] == "b\n"
assert client.call("shell", sandbox="box", script="pwd; id -un", cwd="/usr", user="nobody")["stdout"] == "/usr\nnobody\n"
slow = client.call("shell", sandbox="box", script="echo first; sleep 60", timeout_ms=700)
assert slow["timed_out"] and slow["stdout"] == "first\n" and slow["exit_code"] is None, slow
# Long output keeps both ends.
long = client.call("shell", sandbox="box", script="seq 100000")
assert long["truncated"] and long["stdout"].startswith("1\n2\n") and long["stdout"].endswith("100000\n"), long
assert "bytes left out" in long["stdout"] and len(long["stdout"]) < 17000
assert "cannot execute" in client.fails("exec", sandbox="box", command="/nothing")
assert "not found" in client.fails("exec", sandbox="bx", command="true")

# Python keeps its names, shows values, traces and what was written, and can be interrupted.
assert client.call("python", sandbox="box", code="import os\nx = 40")["result"] is None
answer = client.call("python", sandbox="box", code="print('hi')\nos.system('echo child')\nx + 2")
assert (answer["stdout"], answer["result"]) == ("hi\nchild\n", "42"), answer
error = client.call("python", sandbox="box", code="def f():\n    return 1 / 0\nf()")["error"]
assert "ZeroDivisionError" in error and "return 1 / 0" in error and "<string>" not in error, error
late = client.call("python", sandbox="box", code="while True: pass", timeout_ms=700)
assert late["timed_out"] and "KeyboardInterrupt" in late["error"], late
assert client.call("python", sandbox="box", code="x")["result"] == "40"
assert "EOFError" in client.call("python", sandbox="box", code="input()")["error"]
assert "ended" in client.fails("python", sandbox="box", code="os._exit(1)")
assert "NameError" in client.call("python", sandbox="box", code="x")["error"]
assert client.call("python", sandbox="box", code="x = 1\nx", restart=True)["result"] == "1"

# Files.
client.call("fs_mkdir", sandbox="box", path="/w/deep")
client.call("fs_write", sandbox="box", path="/w/deep/a", text="häuser\n")
client.call("fs_write", sandbox="box", path="/w/b", base64="AAEC/w==", mode=0o600)
assert client.call("fs_read", sandbox="box", path="/w/deep/a")["text"] == "häuser\n"
assert client.call("fs_read", sandbox="box", path="/w/b", base64=True)["base64"] == "AAEC/w=="
assert client.call("fs_stat", sandbox="box", path="/w/b")["mode"] & 0o777 == 0o600
assert [entry["path"] for entry in client.call("fs_list", sandbox="box", path="/w")["entries"]] == ["/w/b", "/w/deep"]
client.call("fs_copy", sandbox="box", **{"from": "/w/b", "to": "/w/c"})
client.call("fs_rename", sandbox="box", **{"from": "/w/c", "to": "/w/d"})
assert client.call("fs_stat", sandbox="box", path="/w/d")["size"] == 4
client.call("fs_remove", sandbox="box", path="/w", recursive=True)
assert "/w" in client.fails("fs_list", sandbox="box", path="/w")
assert "16384" in client.fails("fs_read", sandbox="box", path="/usr/bin/python3")
assert "base64" in client.fails("fs_write", sandbox="box", path="/x", base64="?")

# A command that goes on.
run = client.call("exec_start", sandbox="box", script="read a; echo got $a; sleep 100")["exec"]
client.call("exec_write_stdin", exec=run, data="it\n")
polled = client.call("exec_poll", exec=run, wait_ms=10000)
assert polled["stdout"] == "got it\n" and polled["running"], polled
client.call("exec_signal", exec=run, signal="KILL")
while polled["running"]:
    polled = client.call("exec_poll", exec=run, wait_ms=10000)
assert polled["exit_code"] == 137, polled
assert "no command" in client.fails("exec_poll", exec=run)

# Snapshots, volumes, forks, network, logs.
client.call("volume_create", name="data", quota_mib=8)
client.call("sandbox_create", image="tools:latest", name="second", keep=True,
            volumes=[{"name": "data", "guest": "/data"}], network=["none"])
client.call("shell", sandbox="second", script="echo kept >/data/x; echo disk >/y")
for _ in range(200):  # its first sample is a second away
    try:
        used = client.call("sandbox_metrics", sandbox="second")
        break
    except Failed:
        time.sleep(0.1)
assert used["memoryLimitBytes"] == 512 << 20 and used["memoryBytes"] > 0, used
client.call("sandbox_stop", sandbox="second")
assert client.call("logs_read", sandbox="second")["entries"] == []
client.call("snapshot_create", sandbox="second", name="then")
assert client.call("snapshot_list")["snapshots"][0]["name"] == "then"
client.call("sandbox_create", snapshot="then", name="third")
assert client.call("shell", sandbox="third", script="cat /y")["stdout"] == "disk\n"
client.call("sandbox_fork", sandbox="second", names=["fourth"])
assert client.call("shell", sandbox="fourth", script="cat /y /data/x")["stdout"] == "disk\nkept\n"
client.call("sandbox_remove", sandbox="fourth", force=True)
client.call("sandbox_remove", sandbox="third", force=True)
client.call("sandbox_remove", sandbox="second")
client.call("snapshot_remove", name="then")
client.call("volume_remove", name="data")
assert "tools" in str(client.call("image_list"))
assert client.call("net_check", sandbox="box", destination="169.254.169.254:80")["verdict"] == "deny"
assert client.call("net_log", sandbox="box")["entries"] == []

# Calls run beside each other; one is cancelled, and its command with it.
long = client.begin("tools/call", name="shell", arguments={"sandbox": "box", "script": "sleep 987"})
short = client.begin("tools/call", name="shell", arguments={"sandbox": "box", "script": "sleep 0.1; echo"})
client.finish(short)
client.notify("notifications/cancelled", requestId=long)
end = time.time() + 20
while client.call("shell", sandbox="box", script="pgrep -x sleep")["stdout"]:
    assert time.time() < end, "it still runs"
assert long not in client.answers

assert client.close() == 0
PY
export PYTHONPATH=$TESTS_DIR/mcp PYTHONDONTWRITEBYTECODE=1
run_ok python3 "$T/test.py" "$MSB"
# What was made for the client has ended with it.
eventually 10 no_sandboxes
no_leftovers
