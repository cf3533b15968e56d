"""For programs that speak the agent's protocol themselves."""

from __future__ import annotations

from . import _native


class AgentClient:
    @staticmethod
    async def socket_path(name: str) -> str:
        """Where the sandbox's agent is to be spoken to. Nothing is connected; the sandbox need not
        run or exist."""

        def job(_: int) -> str:
            path = _native.Text()
            _native.call("msb_agent_socket_path", name.encode(), path)
            return (path.take() or b"").decode(errors="surrogateescape")

        return await _native.run(job)
