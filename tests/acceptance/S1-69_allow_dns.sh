#!/usr/bin/env bash
# ctest: timeout=200
# Each package has the rule that opens lookups at the guest's own name server, and no other port: Python two of them, one
# for each transport.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

# What a guest that was made with it may look up.
cat >"$T/rules.py" <<'END'
import asyncio
import json
import re
import subprocess
import sys

from microsandbox import Network, NetworkProfile, Rule, Sandbox


async def main():
    assert Rule.allow_dns() == ("allow@dns:udp", "allow@dns:tcp")
    network = Network(rules=(*Rule.allow_dns(), Rule.allow("link_local", protocol="tcp", port="80-81"), Rule.deny("2001:db8::1")))
    async with await Sandbox.create("dns", network=network, replace=True):
        inspected = subprocess.run([sys.argv[1], "inspect", "dns", "--format", "json"], capture_output=True, check=True)
        rules = json.loads(inspected.stdout)["config"]["network"]["rules"]
        assert rules == ["allow@host:udp:53", "allow@host:tcp:53", "allow@link-local:tcp:80-81", "deny@[2001:db8::1]"], rules
        checked = subprocess.run([sys.argv[1], "net", "check", "dns", "www.example.org"], capture_output=True, check=False)
        assert re.search(rb"^allow +lookup", checked.stdout, re.M), checked.stdout
        assert re.search(rb"^deny +tcp", checked.stdout, re.M), checked.stdout
    async with await Sandbox.create("none", network=Network(profiles=(NetworkProfile.NONE,)), replace=True) as sandbox:
        output = await sandbox.exec("ls", ["/sys/class/net"])
        assert "eth0" not in output.stdout_text
    async with await Sandbox.create("offline", network=Network(policy="offline"), replace=True) as sandbox:
        output = await sandbox.exec("ls", ["/sys/class/net"])
        assert "eth0" not in output.stdout_text


asyncio.run(main())
END
python_sdk "$T/rules.py" "$MSB"
run_fail 1 'dns has port 53' msb run --net-rule allow@dns:tcp:853 -- true
grep -q 'func AllowDNS() string { return "allow@dns" }' "$SOURCE_DIR/sdk/go/options.go"
grep -q '"allow@dns".to_string()' "$SOURCE_DIR/sdk/rust/src/builder.rs"
grep -q 'return "allow@dns";' "$SOURCE_DIR/sdk/typescript/src/builder.ts"
no_leftovers
