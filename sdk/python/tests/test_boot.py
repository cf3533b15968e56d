"""How a new sandbox is to be, and what becomes of what cannot be."""

import sys

from microsandbox import (
    BootStartError,
    ImageNotFoundError,
    InitConfig,
    InvalidArgumentError,
    InvalidConfigError,
    MountCache,
    Network,
    NetworkAction,
    NetworkProfile,
    NoDefaultCommandError,
    PullPolicy,
    Rlimit,
    Sandbox,
    SandboxAlreadyExistsError,
    SecurityProfile,
    Volume,
)
from sandbox_case import HOME, Case


class Boot(Case):
    async def test_boot_start(self):
        """A failed start is a BootStart error with name, stage, errno and message."""
        with self.assertRaises(BootStartError) as caught:
            await self.create(workdir="/no/such/directory")
        error = caught.exception
        self.assertEqual((error.name, error.stage), ("box", "config"))
        self.assertIn("/no/such/directory", error.message)
        await (await self.create(replace=True)).stop()
        disk = HOME / "sandboxes/box/upper.ext4"
        disk.rename(HOME / "upper")
        with self.assertRaises(BootStartError) as caught:
            await Sandbox.start("box")
        error = caught.exception
        self.assertEqual((error.name, error.stage, error.errno), ("box", "mount", 2))
        self.assertIn("No such file", error.message)
        self.assertTrue(error.hint)
        (HOME / "upper").rename(disk)
        await (await Sandbox.start("box")).stop()

    async def test_mounts_and_network(self):
        """A missing source is a BootStart error of stage mount; what is there is mounted."""
        with self.assertRaises(BootStartError) as caught:
            await self.create(volumes={"/x": Volume.bind("/does/not/exist")})
        error = caught.exception
        self.assertEqual((error.name, error.stage, error.errno), ("box", "mount", 2))
        self.assertIn("/does/not/exist", error.message)
        shared = HOME.parent / "shared"
        shared.mkdir(exist_ok=True)
        (shared / "file").write_text("from the host")
        sandbox = await self.create(
            replace=True,
            volumes={
                "/x": Volume.bind(shared),
                "/y": Volume.bind(shared, readonly=True),
                "/q": Volume.bind(shared, cache=MountCache.CACHED, quota_mib=1, quota_inodes=9, uid=7, gid=8),
            },
            network=Network(
                (NetworkProfile.PUBLIC,),
                rules=("deny@link-local", "allow@pypi.org:tcp:443"),
                default_ingress=NetworkAction.DENY,
            ),
        )
        self.assertEqual((await sandbox.exec("cat", ["/x/file"])).stdout_text, "from the host")
        self.assertFalse((await sandbox.shell("echo > /y/file")).success)
        of_quota = "stat -c %u:%g /q | grep -qx 7:8 && df -k /q | grep -q ' 1024 '"
        self.assertTrue((await sandbox.shell(of_quota)).success)
        self.assertTrue((await sandbox.shell("echo guest > /x/new")).success)
        self.assertEqual((shared / "new").read_text(), "guest\n")
        self.assertTrue((await sandbox.shell("test -e /sys/class/net/eth0")).success)
        await sandbox.kill()
        for options in ({"volumes": {"x": Volume.bind("/tmp")}}, {"ports": {80: 0}}):
            with self.assertRaises(InvalidConfigError, msg=options):
                await Sandbox.create("bad", **options)
        with self.assertRaises(InvalidArgumentError):
            await Sandbox.create("bad", network=Network(("nowhere",)))
        with self.assertRaisesRegex(InvalidArgumentError, "unknown action"):
            await Sandbox.create("bad", network=Network(rules=("alow@any",)))

    async def test_init_forms(self):
        """str, dict, InitConfig and tuple say the same."""
        script = "#!/bin/sh\necho \"$1 $KEY\" > /run/init-said\nexec sleep 1000\n"
        for init, said in (
            ("/.msb/scripts/init", ""),
            ({"cmd": "/.msb/scripts/init", "args": ["word"], "env": {"KEY": "v"}}, "word v"),
            (InitConfig("/.msb/scripts/init", ("word",), {"KEY": "v"}), "word v"),
            (("/.msb/scripts/init", ("word",), {"KEY": "v"}), "word v"),
        ):
            sandbox = await self.create(init=init, scripts={"init": script}, replace=True)
            name = (await sandbox.exec("cat", ["/proc/1/comm"])).stdout_text
            self.assertIn(name, ("init\n", "sleep\n"))
            told = (await sandbox.shell(
                "while ! [ -s /run/init-said ]; do sleep 0.05; done; cat /run/init-said"
            )).stdout_text.strip()
            self.assertEqual(told, said)
            await sandbox.kill()
        sandbox = await self.create(init="auto", replace=True)
        comm = (await sandbox.exec("cat", ["/proc/1/comm"])).stdout_text
        self.assertNotEqual(comm, "")
        await sandbox.kill()
        with self.assertRaises(InvalidConfigError):
            await Sandbox.create("other", init="relative")
        with self.assertRaises(BootStartError) as caught:
            await self.create("missing", init="/no/such/init")
        self.assertEqual(caught.exception.stage, "config")

    async def test_config_errors(self):
        for options in ({"cpus": 0}, {"memory": 0}, {"hostname": "bad name"}, {"workdir": "x"}):
            with self.assertRaises(InvalidConfigError, msg=options):
                await Sandbox.create("bad", **options)
        for options in ({"thp": "x"}, {"env": {"A=B": ""}}, {"engine": "x"}):
            with self.assertRaises(InvalidArgumentError, msg=options):
                await Sandbox.create("bad", **options)
        with self.assertRaises(InvalidConfigError):
            await Sandbox.create("bad name")
        with self.assertRaises(TypeError):
            await Sandbox.create("bad", no_such_option=1)
        with self.assertRaises(ImageNotFoundError):
            await Sandbox.create("bad", image="no-such:1", pull_policy=PullPolicy.NEVER)
        self.assertEqual(len(await Sandbox.list()), 0)

    async def test_options(self):
        sandbox = await self.create(
            hostname="host-1", user="nobody", shell="/bin/sh", entrypoint=["echo"], cmd=["default"],
            scripts={"greet": "#!/bin/sh\necho hello $1\n"}, security=SecurityProfile.RESTRICTED,
            rlimits=[Rlimit.nofile(100, 200)], disable_network=True, idle_timeout=60.0,
        )
        self.assertEqual((await sandbox.exec_default()).stdout_text, "default\n")
        self.assertEqual((await sandbox.exec("hostname")).stdout_text, "host-1\n")
        self.assertEqual((await sandbox.exec("id", ["-un"])).stdout_text, "nobody\n")
        self.assertEqual((await sandbox.exec("greet", ["you"])).stdout_text, "hello you\n")
        self.assertEqual((await sandbox.shell("ulimit -n")).stdout_text, "100\n")
        self.assertEqual((await Sandbox.get("box")).isolation, "user-mode")
        await sandbox.stop()
        plain = await self.create(entrypoint=[], cmd=[], replace=True)
        with self.assertRaises(NoDefaultCommandError):
            await plain.exec_default()

    async def test_progress(self):
        async with Sandbox.create_with_progress("box", memory=256) as session:
            self.addAsyncCleanup(self.discard, "box")
            events = [event async for event in session.progress]
            sandbox = await session.result()
            with self.assertRaises(RuntimeError):
                await session.result()
        self.assertEqual(events[-1].event_type, "complete")
        self.assertTrue((await sandbox.exec("true")).success)
        async with Sandbox.create_with_progress("box") as session:
            self.assertEqual([event async for event in session.progress][:1], [])
            with self.assertRaises(SandboxAlreadyExistsError):
                await session.result()
