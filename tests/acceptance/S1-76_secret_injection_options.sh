#!/usr/bin/env bash
# S1-76: SecretInjection(headers, basic_auth, query_params, body) in Python, and the same options in TypeScript.
# ctest: timeout=180
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../node_sdk.sh"
need_kernel
need python3 jq
export API_KEY=the-value-of-the-key
cat >"$T/test.py" <<'PY'
import asyncio
from microsandbox import Network, Sandbox, Secret, SecretInjection, TlsConfig, ViolationAction

async def main():
    secret = Secret.env("API_KEY", allow_hosts=["api.example.com"], on_violation=ViolationAction.BLOCK,
                        injection=SecretInjection(headers=False, basic_auth=True, query_params=True, body=False))
    usual = Secret.env("OTHER", allow_hosts=["api.example.com"], allow_host_patterns=["*.example.org"], source="env:API_KEY",
                       injection=SecretInjection())
    async with await Sandbox.create("py", network=Network(tls=TlsConfig(secrets=(secret, usual)))) as box:
        output = await box.shell("echo $API_KEY")
        assert output.stdout_text == "$MSB_API_KEY\n", output
        print("created")
        await box.detach()

asyncio.run(main())
PY
run_ok python_sdk "$T/test.py"
run_ok msb inspect py --format json
assert_not_contains "$out" "the-value"
assert_eq "$(jq -cS '[.config.network.tls.secrets[] | {env, hosts, action, places: .substitution}]' <<<"$out")" \
    "$(jq -cS . <<'JSON'
[{"env": "API_KEY", "hosts": ["api.example.com"], "action": "block",
  "places": {"headers": true, "header_fields": ["authorization", "proxy-authorization"], "query": true, "body": false}},
 {"env": "OTHER", "hosts": ["api.example.com", "*.example.org"], "action": null,
  "places": {"headers": true, "header_fields": [], "query": false, "body": false}}]
JSON
)"
run_ok msb rm -f py

node_application "$T/app"
cat >"$T/app/test.mjs" <<'JS'
import { Sandbox } from "microsandbox";

const secret = {
  env: "API_KEY", hosts: ["api.example.com"], action: "block",
  substitution: { headers: true, headerFields: ["X-Key"], query: true, body: false },
};
const box = await Sandbox.builder("ts").network((network) => network.tls({ secrets: [secret] })).create();
const output = await box.shell("echo $API_KEY");
if (output.stdout() !== "$MSB_API_KEY\n") throw new Error(output.stdout());
await box.detach();
JS
run_ok env -C "$T/app" node test.mjs
run_ok msb inspect ts --format json
assert_eq "$(jq -cS '.config.network.tls.secrets[0].substitution' <<<"$out")" \
    '{"body":false,"header_fields":["X-Key"],"headers":true,"query":true}'
run_ok msb rm -f ts
no_leftovers
