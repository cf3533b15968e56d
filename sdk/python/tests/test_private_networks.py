"""Private networks, below a MSB_HOME that is the test's own."""

from sandbox_case import Case

from microsandbox import (
    InvalidConfigError,
    Network,
    NetworkAlreadyExistsError,
    NetworkInUseError,
    NetworkNotFoundError,
    PrivateNetwork,
)


class PrivateNetworks(Case):
    async def test_all(self) -> None:
        made = await PrivateNetwork.create("py-back", subnet="10.78.0.0/24")
        self.assertEqual((made.name, made.subnet, made.members), ("py-back", "10.78.0.0/24", []))
        with self.assertRaises(NetworkAlreadyExistsError):
            await PrivateNetwork.create("py-back")
        with self.assertRaises(InvalidConfigError):
            await PrivateNetwork.create("py-other", subnet="nonsense")
        with self.assertRaises(NetworkNotFoundError):
            await PrivateNetwork.get("py-none")
        box = await self.create("py-member", network=Network(profiles=(), network="py-back"))
        [member] = (await PrivateNetwork.get("py-back")).members
        self.assertEqual((member.sandbox, member.joined), ("py-member", True))
        found = await box.exec("nslookup", ["py-member.py-back.microsandbox.internal"])
        self.assertIn(member.address, found.stdout_text)
        with self.assertRaises(NetworkInUseError):
            await PrivateNetwork.remove("py-back")
        await self.discard("py-member")
        await PrivateNetwork.create("py-more")
        self.assertEqual([network.name for network in await PrivateNetwork.list()], ["py-back", "py-more"])
        await made.remove()
        self.assertEqual(await PrivateNetwork.prune(), ["py-more"])
