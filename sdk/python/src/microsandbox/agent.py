"""For programs that speak the agent's protocol themselves."""

from __future__ import annotations

from . import _native


class AgentClient:
    """The agent of a sandbox."""

    @staticmethod
    async def socket_path(name: str) -> str:
        """Path of the socket on which the sandbox's agent speaks its protocol. Nothing is connected; the
        sandbox need not run or exist."""

        def job(_: int) -> str:
            path = _native.Text()
            _native.call("msb_agent_socket_path", name.encode(), path)
            return (path.take() or b"").decode(errors="surrogateescape")

        return await _native.run(job)
