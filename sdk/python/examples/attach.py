"""A shell of a running sandbox on this terminal: attach.py NAME [COMMAND [ARGUMENT...]]"""

import asyncio
import sys

from microsandbox import MicrosandboxError, Sandbox


async def run(name: str, *command: str) -> int:
    sandbox = await Sandbox.connect(name)
    if not command:
        return await sandbox.attach_shell()
    return await sandbox.attach(command[0], command[1:], detach_keys="ctrl-a,d")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        print("exit code", asyncio.run(run(*sys.argv[1:])))
    except MicrosandboxError as error:
        sys.exit(f"attach: {error}")
