#!/usr/bin/env bash
# msb mcp with the clients that the protocol's own packages for Python and TypeScript have.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

python3 -m venv "$T/venv" 2>"$T/log" || skip "python3 -m venv does not work here: $(tail -n 1 "$T/log")"
"$T/venv/bin/pip" install -q --disable-pip-version-check mcp >"$T/log" 2>&1 ||
    skip "the package mcp cannot be had: $(tail -n 1 "$T/log")"
cat >"$T/test.py" <<'PY'
import asyncio, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    server = StdioServerParameters(command=sys.argv[1], args=["mcp"], env={"MSB_HOME": sys.argv[2]})
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        names = [tool.name for tool in (await session.list_tools()).tools]
        assert "sandbox_run" in names, names
        result = await session.call_tool("sandbox_run", {"script": "echo from python; exit 3"})
        assert result.content[0].text == "from python\n[exit code 3]", result
        # The package checks the arguments of a tool against its schema, and what it returns.
        result = await session.call_tool("fs_read", {"sandbox": "nobody", "path": "/x"})
        assert "not found" in result.content[0].text, result

asyncio.run(main())
PY
run_ok "$T/venv/bin/python" "$T/test.py" "$MSB" "$MSB_HOME"

if command -v npm >/dev/null; then
    mkdir "$T/node"
    (cd "$T/node" && npm install --no-audit --no-fund --silent @modelcontextprotocol/sdk >"$T/log" 2>&1) ||
        skip "the package @modelcontextprotocol/sdk cannot be had: $(tail -n 1 "$T/log")"
    cat >"$T/node/test.mjs" <<'JS'
import assert from "node:assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [command, home, url, token] = process.argv.slice(2);
const stdio = new StdioClientTransport({ command, args: ["mcp"], env: { MSB_HOME: home } });
const http = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${token}` } },
});
for (const transport of [stdio, http]) {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  assert((await client.listTools()).tools.some((tool) => tool.name === "shell"));
  const result = await client.callTool({ name: "sandbox_run", arguments: { script: "echo from node" } });
  assert.equal(result.structuredContent.stdout, "from node\n");
  await client.close();
}
JS
    helper "$MSB" mcp --http 0 --token-file "$T/token" 2>"$T/url"
    eventually 10 test -s "$T/url"
    run_ok node "$T/node/test.mjs" "$MSB" "$MSB_HOME" "$(cat "$T/url")" "$(cat "$T/token")"
    kill "$helper_pid"
    wait "$helper_pid" || :
fi
no_leftovers
