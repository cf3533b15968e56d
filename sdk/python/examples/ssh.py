"""SSH for a running sandbox. `ssh.py NAME` shows what a client can do; `ssh.py NAME serve` serves one client on stdin and
stdout, for OpenSSH's ProxyCommand."""

import asyncio
import sys

from microsandbox import MicrosandboxError, Sandbox


async def show(sandbox: Sandbox) -> None:
    async with await sandbox.ssh().open_client(user="root") as client:
        output = await client.exec("echo out; echo err >&2; exit 3")
        print(output.status, output.stdout, output.stderr)
        files = await client.sftp()
        await files.mkdir("/tmp/d")
        await files.write("/tmp/d/a", "content")
        await files.rename("/tmp/d/a", "/tmp/d/b")
        await files.symlink("b", "/tmp/d/link")
        target = await files.read_link("/tmp/d/link")
        path = await files.real_path("/tmp/d/../d/link")
        print(target, path, (await files.read("/tmp/d/link")).decode())
        await files.remove_file("/tmp/d/link")
        await files.remove_file("/tmp/d/b")
        await files.remove_dir("/tmp/d")


async def serve(sandbox: Sandbox) -> None:
    async with await sandbox.ssh().prepare_server(sftp=False) as server:
        await server.serve_connection()


async def run(name: str, *serves: str) -> None:
    sandbox = await Sandbox.connect(name)
    await (serve(sandbox) if serves else show(sandbox))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        asyncio.run(run(*sys.argv[1:]))
    except MicrosandboxError as error:
        sys.exit(f"ssh: {error}")
