#!/usr/bin/env bash
# msb config: what is in effect, everything that is wrong with a file and where, and the schema; what the file says
# about new sandboxes.
. "$(dirname "$0")/../lib.sh"

file=$MSB_HOME/config.json
# setting KEY: its value and where that comes from.
setting() { msb config show --format json | jq -c --arg key "$1" '.settings[] | select(.key == $key) | [.value, .source]'; }

# Nothing there: defaults, and nothing is made.
assert_eq "$(setting sandbox_defaults.cpus)" '[1,"default"]'
assert_eq "$(setting registries.ca_certs)" '[null,"default"]'
assert_eq "$(msb config show --format json | jq .exists)" false
run_ok msb config validate
assert_eq "$out" "$file is valid"
[ ! -e "$MSB_HOME" ] || fail_test "a home was made"
run_fail 1 'none-such' msb config validate "$T/none-such"
run_fail 2 "did you mean 'show'" msb config shw

mkdir -m 700 "$MSB_HOME"
cat >"$file" <<END
{
  "sandbox_defaults": {"cpus": 2, "memory_mib": 256, "shell": "/bin/ash", "workdir": "/tmp"},
  "registries": {"hosts": {"registry.lan:5000": {"insecure": true}}}
}
END
run_ok msb config validate
assert_eq "$(setting sandbox_defaults.cpus)" '[2,"file"]'
assert_eq "$(setting registries.hosts.registry.lan:5000.insecure)" '[true,"file"]'
run_ok msb config show
assert_match "$out" "^sandbox_defaults.cpus +2 +$file"
assert_match "$out" '^network.search_domains +true +default'
MSB_CONFIG_PATH=$T/other run_ok msb config validate
assert_eq "$out" "$T/other is valid"

# Everything that is wrong, each with its line.
cat >"$T/wrong.json" <<END
{
  "sandbox_default": {},
  "sandbox_defaults": {"cpus": "2",
    "memory_mib": 0},
  "log_level": "loud",
  "images": 3,
  "network": {
    "serch_domains": true},
  "registries": {"hosts": {"a": {"insecure": "yes"}}, "x\\u001b[31m": 1}
}
END
run_fail 1 'wrong.json:2: sandbox_default is unknown' msb config validate "$T/wrong.json"
assert_contains "$err" "did you mean 'sandbox_defaults'?"
assert_contains "$err" 'wrong.json:3: sandbox_defaults.cpus is a number from 1 to 4096, not "2"'
assert_contains "$err" 'wrong.json:4: sandbox_defaults.memory_mib is a number'
assert_contains "$err" 'wrong.json:5: log_level is one of: error, warn, info, debug, trace, not "loud"'
assert_contains "$err" 'wrong.json:6: images is an object, not 3'
assert_contains "$err" 'wrong.json:8: network.serch_domains is unknown'
assert_contains "$err" 'wrong.json:9: registries.hosts.a.insecure is true or false'
assert_not_contains "$err" $'\e'
run msb config validate "$T/wrong.json" --format json
assert_eq "$code" 1
assert_eq "$(jq -c '[.valid, (.problems | length), .problems[0].line]' <<<"$out")" '[false,8,2]'

echo '{"network": {"metadata_addresses": ["nowhere"]}}' >"$T/wrong.json"
run_fail 1 'wrong.json:1: network.metadata_addresses: not an address' msb config validate "$T/wrong.json"
echo '{"a": ' >"$T/wrong.json"
run_fail 1 'wrong.json: ' msb config validate "$T/wrong.json"
echo '[]' >"$T/wrong.json"
run_fail 1 'not a JSON object' msb config validate "$T/wrong.json"

# The schema knows the same keys, and is the one that is installed.
run_ok msb config schema
assert_eq "$(jq -r '.properties.sandbox_defaults.properties.cpus | [.type, .minimum, .default] | @csv' <<<"$out")" '"integer",1,1'
assert_eq "$(jq .properties.registries.properties.hosts.additionalProperties.properties.insecure.type <<<"$out")" '"boolean"'
assert_eq "$(jq .additionalProperties <<<"$out")" false
cmp <(echo "$out") "$MSB_BUILD/share/microsandbox/config.schema.json"
msb config show --format json | jq -r '.settings[] | select(.key | contains("hosts") | not).key' | while read -r key; do
    jq -e ".properties.${key//./.properties.}.description" <<<"$out" >/dev/null || fail_test "the schema has no $key"
done

# What new sandboxes begin with; what the command line says counts more.
need_kernel
jq '.sandbox_defaults.cpus = 1 | .sandbox_defaults.thp = "never"' "$file" >"$T/config" # not every engine has two
cp "$T/config" "$file"
run_ok msb create -q -n box
run_ok msb inspect box --format json
assert_eq "$(jq -c '.config.resources + .config.runtime | [.max_cpus, .memory_mib, .max_memory_mib, .thp, .shell, .workdir]' <<<"$out")" '[1,256,256,"never","/bin/ash","/tmp"]'
run_ok msb exec box -- pwd
assert_eq "$out" /tmp
run_ok msb create -q -n other --cpus 1 --memory 300M -w / --shell /bin/sh
run_ok msb inspect other --format json
assert_eq "$(jq -c '.config.resources + .config.runtime | [.cpus, .memory_mib, .shell, .workdir]' <<<"$out")" '[1,300,"/bin/sh","/"]'
# A program's begin the same way.
cat >"$T/create.py" <<'PY'
import asyncio
import subprocess
import sys
from microsandbox import Sandbox

async def main():
    async with await Sandbox.create("made"):
        subprocess.run([sys.argv[1], "inspect", "made", "--format", "json"], check=True)

asyncio.run(main())
PY
run_ok python_sdk "$T/create.py" "$MSB"
assert_eq "$(jq -c '.config.resources + .config.runtime | [.memory_mib, .thp, .shell, .workdir]' <<<"$out")" '[256,"never","/bin/ash","/tmp"]'
echo '{"sandbox_defaults": {"cpus": "many"}}' >"$file"
run_fail 1 'sandbox_defaults.cpus is a number' msb create -q -n third
run_ok msb rm -q -f box other
no_leftovers
