#!/usr/bin/env bash
# msb mcp gives a client nothing of this machine that was not allowed, and takes any message.
. "$(dirname "$0")/../lib.sh"
need_kernel
no_sandboxes() { [ -z "$(msb ls -q)" ]; }
need python3
mkdir -p "$T/allowed/in" "$T/secret"
echo inside >"$T/allowed/file"
echo outside >"$T/secret/file"
ln -s "$T/secret" "$T/allowed/link"

cat >"$T/test.py" <<'PY'
import os, subprocess, sys
from client import Client, Failed

msb, top = sys.argv[1:]
client = Client(msb, "mcp")
client.call("sandbox_create", name="box")
for tool, arguments in [
    ("fs_upload", {"sandbox": "box", "path": "/x", "host": top + "/secret/file"}),
    ("fs_download", {"sandbox": "box", "path": "/etc/passwd", "host": top + "/secret/new"}),
    ("sandbox_create", {"mounts": [{"host": top + "/secret", "guest": "/m"}]}),
    ("sandbox_create", {"image": top + "/secret/disk.img"}),
    ("sandbox_create", {"image": "./disk.img"}),
    ("sandbox_run", {"script": "true", "snapshot": top + "/secret"}),
    ("sandbox_run", {"script": "true", "snapshot": "secret/snapshot"}),
]:
    said = client.fails(tool, **arguments)
    assert "not allowed" in said, said
assert "is a path" in client.fails("snapshot_create", sandbox="box", name=top + "/secret/snap")
assert "is a path" in client.fails("volume_create", name="../x")
for tool, arguments, words in [
    ("exec", {"sandbox": "box", "command": "true", "arg": []}, "arguments.arg"),
    ("exec", {"sandbox": "box", "command": 1}, "'arguments.command' is not text"),
    ("exec", {"command": "true"}, "'sandbox' is missing"),
    ("sandbox_create", {"cpus": -1}, "cpus"),
    ("sandbox_create", {"network": "public"}, "network"),
]:
    said = client.fails(tool, **arguments)
    assert words in said, said
assert client.close() == 0

# Allowed directories, and no way out of them.
client = Client(msb, "mcp", "--allow-dir", top + "/allowed")
client.call("sandbox_create", name="box", mounts=[{"host": top + "/allowed", "guest": "/m"}])
client.call("fs_upload", sandbox="box", path="/x", host=top + "/allowed/file")
assert client.call("fs_read", sandbox="box", path="/x")["text"] == "inside\n"
client.call("fs_download", sandbox="box", path="/etc/passwd", host=top + "/allowed/new")
assert "root" in open(top + "/allowed/new").read()
for path in "/allowed/link/file", "/allowed/../secret/file", "/secret/file":
    assert "not in a directory" in client.fails("fs_upload", sandbox="box", path="/y", host=top + path)
# A guest that may write there puts a link in the way.
client.call("shell", sandbox="box", script=f"ln -s {top}/secret/file /m/trap; ln -s {top}/secret /m/in/trap")
for path in "/allowed/trap", "/allowed/in/trap/file":
    client.fails("fs_download", sandbox="box", path="/etc/passwd", host=top + path)
client.fails("sandbox_create", mounts=[{"host": top + "/allowed/in/trap", "guest": "/m"}])
assert open(top + "/secret/file").read() == "outside\n"
os.mkfifo(top + "/allowed/pipe")
assert "ordinary" in client.fails("fs_upload", sandbox="box", path="/y", host=top + "/allowed/pipe")

# No more calls at a time than there may be.
calls = [client.begin("tools/call", name="shell", arguments={"sandbox": "box", "script": "sleep 2"}) for _ in range(40)]
refused = 0
for number in calls:
    try:
        client.finish(number)
    except Failed as error:
        assert "too many calls" in str(error), error
        refused += 1
assert refused == 8, refused
assert client.close() == 0

# Messages that are none.
messages = b"""{
[]
{"jsonrpc":"2.0","id":1,"method":"nothing"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"nothing"}}
{"jsonrpc":"2.0","id":3,"method":"ping","params":[1]}
""" + b"x" * (17 << 20) + b"""
\xff\xfe
{"jsonrpc":"2.0","id":4,"method":"ping"}"""
answers = subprocess.run([msb, "mcp"], input=messages, capture_output=True, check=True).stdout.decode().splitlines()
assert len(answers) == 8, answers
assert [("-32700" in a, "-32600" in a, "-32601" in a, "-32602" in a) .index(True) for a in answers[:7]] == [0, 1, 2, 3, 3, 1, 0], answers
assert answers[7] == '{"id":4,"jsonrpc":"2.0","result":{}}', answers[7]
PY
export PYTHONPATH=$TESTS_DIR/mcp PYTHONDONTWRITEBYTECODE=1
run_ok python3 "$T/test.py" "$MSB" "$T"

run_fail 1 "--allow-dir '$T/missing': No such file or directory" msb mcp --allow-dir "$T/missing"
run_fail 2 'needs? --http|requires --http' msb mcp --token-file "$T/token"
run_fail 1 'loopback only' msb mcp --http 192.0.2.1:8000
run_fail 1 "'nonsense' is neither PORT nor ADDRESS:PORT" msb mcp --http nonsense
echo short >"$T/token"
run_fail 1 'shorter than 16 characters' msb mcp --http 0 --token-file "$T/token"
eventually 10 no_sandboxes
no_leftovers
