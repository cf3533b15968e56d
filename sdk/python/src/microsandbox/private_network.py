"""Networks that sandboxes reach each other by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _native


@dataclass(frozen=True)
class NetworkMember:
    """A sandbox that is in a private network."""

    sandbox: str
    address: str
    address_v6: str
    status: str
    joined: bool
    """The others reach it."""


@dataclass(frozen=True)
class PrivateNetworkHandle:
    """A private network, as it was when it was looked up."""

    name: str
    subnet: str
    """The IPv4 addresses of its members."""
    members: list[NetworkMember]
    created_at: str
    """RFC 3339."""

    async def remove(self) -> None:
        """Removes it. NetworkInUseError while a sandbox, even a stopped one, is in it."""
        await PrivateNetwork.remove(self.name)


PrivateNetworkHandles = list[PrivateNetworkHandle]  # inside of PrivateNetwork, list is another thing


def _handle(document: dict[str, Any]) -> PrivateNetworkHandle:
    members = [NetworkMember(**member) for member in document.pop("members")]
    return PrivateNetworkHandle(members=members, **document)


class PrivateNetwork:
    """Private networks by their names. A sandbox joins one by ``network=Network(network=name)``, and is reached by
    the others by its name."""

    @staticmethod
    async def create(name: str, subnet: str | None = None) -> PrivateNetworkHandle:
        """Makes a network; ``subnet`` is an IPv4 prefix of 24 to 29 bits, and chosen if not given.
        NetworkAlreadyExistsError."""
        options = _native.encode({"subnet": subnet})
        return _handle(await _native.ask("msb_network_create", name.encode(), options))

    @staticmethod
    async def get(name: str) -> PrivateNetworkHandle:
        """A network. A member that lost its place because a process was killed is given it back.
        NetworkNotFoundError."""
        return _handle(await _native.ask("msb_network_get", name.encode()))

    @staticmethod
    async def list() -> PrivateNetworkHandles:
        """All networks, by name."""
        return [_handle(item) for item in await _native.ask("msb_network_list")]

    @staticmethod
    async def remove(name: str) -> None:
        """Removes a network that no sandbox is in. NetworkNotFoundError, NetworkInUseError."""
        await _native.run(lambda _: _native.call("msb_network_remove", name.encode()))

    @staticmethod
    async def prune() -> _Names:
        """Removes the networks that no sandbox is in, not even one that is stopped: their names."""
        names: _Names = await _native.ask("msb_network_prune")
        return names


_Names = list[str]
