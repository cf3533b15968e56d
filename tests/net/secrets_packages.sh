#!/usr/bin/env bash
# ctest: timeout=300
# The packages change a running sandbox's secrets, and read what became of placeholders.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../node_sdk.sh"
. "$TESTS_DIR/netns.sh"
# shellcheck source=../tls.sh
. "$TESTS_DIR/tls.sh"
need_kernel
# shellcheck disable=SC2016
# (placeholders)
secrets_world
refused -X PUT -H 'X: $MSB_API_KEY' 'https://pinned.test.example/path?query=1'
guest -H 'X: $MSB_API_KEY' https://www.test.example/echo
printf 'of-a-file' >"$T/new"

cat >"$T/test.py" <<'PY'
import asyncio, sys
from microsandbox import InvalidConfigError, Sandbox, Secret, ViolationAction

async def main():
    box = await Sandbox.get("box")
    denied, scrubbed = [entry.secret for entry in await box.network_log() if entry.type == "secret"]
    assert (denied.secret_env_var, denied.action) == ("API_KEY", ViolationAction.BLOCK_AND_LOG), denied
    assert (denied.protocol, denied.method, denied.path) == ("http/1.1", "PUT", "/path"), denied
    assert (denied.location, denied.match_form, denied.http2_stream_id) == ("header", "raw", None), denied
    assert scrubbed.secret_env_var == "API_KEY" and scrubbed.action is None, scrubbed
    secret = Secret.env("API_KEY", allow_hosts=["pinned.test.example"], source="file:" + sys.argv[1])
    changed = await box.modify(secrets=[secret])
    assert changed.in_force, changed
    try:
        await box.modify(remove_secrets=["NOT_THERE"])
    except InvalidConfigError as error:
        assert "has no secret NOT_THERE" in str(error), error
    else:
        raise AssertionError("removed what is not there")

asyncio.run(main())
PY
run_ok python_sdk "$T/test.py" "$T/new"
guest -H 'X: $MSB_API_KEY' https://pinned.test.example/
assert_contains "$(cat "$came")" 'X: of-a-file'
refused -H 'X: $MSB_API_KEY' https://www.test.example/

node_application "$T/app"
cat >"$T/app/test.mjs" <<'JS'
import { Sandbox } from "microsandbox";

const box = await Sandbox.get("box");
const seen = (await box.networkLog()).filter((entry) => entry.type === "secret").map((entry) => entry.secret);
if (seen[0].path !== "/path" || seen[0].action !== "block-and-log") throw new Error(JSON.stringify(seen));
const { inForce } = await box.modify({ reloadSecrets: true });
const second = { env: "SECOND", hosts: ["www.test.example"], source: "env:HOME" };
const other = await box.modify({ secrets: [second], removeSecrets: ["API_KEY"], secretViolationAction: "block" });
if (!inForce || !other.inForce) throw new Error("not in force");
JS
printf 'reloaded' >"$T/new"
run_ok env -C "$T/app" node test.mjs
guest -H 'X: $MSB_SECOND' https://www.test.example/
assert_contains "$(cat "$came")" "X: $HOME"
refused -H 'X: $MSB_SECOND' https://pinned.test.example/
host_ok inspect box --format json
assert_eq "$(jq -c '.config.network.tls | [[.secrets[].env], .secret_violation_action]' <<<"$out")" '[["SECOND"],"block"]'
host_ok rm -f box
