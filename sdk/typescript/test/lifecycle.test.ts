import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import {
  AgentClient,
  BootStartError,
  CancelledError,
  InvalidArgumentError,
  InvalidConfigError,
  InvalidHandleError,
  MicrosandboxError,
  Sandbox,
  SandboxAlreadyExistsError,
  SandboxNotFoundError,
  SandboxNotRunningError,
  SandboxStillRunningError,
  TimedOutError,
  version,
} from "microsandbox";
import { elapsed, removed, uniqueName } from "./support.js";

const home = process.env["MSB_HOME"]!;

test("a sandbox is made, runs commands, stops and goes", async () => {
  const name = uniqueName();
  const box = await Sandbox.builder(name).cpus(1).memory(256).label("kind", "test").env("A", "1").create();
  assert.equal(box.name, name);
  assert.equal(box.ownsLifecycle, true);
  assert.equal((await box.exec("sh", ["-c", "echo $A; exit 3"])).code, 3);
  assert.equal((await box.ping()).name, name);
  assert.ok((await box.touch()).activitySeq >= 0);
  assert.equal((await box.config())["name"], name);

  const handle = await Sandbox.get(name);
  assert.equal(handle.status, "running");
  assert.ok(Math.abs(handle.createdAt!.getTime() - Date.now()) < 60_000);
  await assert.rejects(Sandbox.remove(name), SandboxStillRunningError);
  await box.stop();
  await box.stop(); // already
  assert.equal((await handle.refresh()).status, "stopped");
  await assert.rejects(handle.connect({ timeoutMs: 500 }), SandboxNotRunningError);
  await handle.remove();
  await assert.rejects(handle.refresh(), SandboxNotFoundError);
  await box.close();
  await box.close();
  await assert.rejects(box.exec("true"), InvalidHandleError);
});

test("`await using` stops an attached sandbox, and not a detached one", async () => {
  const [attached, detached] = [uniqueName(), uniqueName()];
  {
    await using box = await Sandbox.builder(attached).create();
    assert.equal(box.ownsLifecycle, true);
  }
  assert.equal((await Sandbox.get(attached)).status, "stopped");
  {
    await using box = await Sandbox.builder(detached).detached(true).create();
    assert.equal(box.ownsLifecycle, false);
  }
  assert.equal((await Sandbox.get(detached)).status, "running");
  {
    await using box = await (await Sandbox.get(detached)).connect();
    assert.equal((await box.exec("echo", ["again"])).stdout(), "again\n");
  }
  await Sandbox.remove(detached, { force: true });
  await removed(attached);
});

test("what was kept is there after another start", async () => {
  const name = uniqueName();
  {
    await using box = await Sandbox.builder(name).create();
    await box.shell("echo kept >/root/note");
  }
  {
    await using box = await (await Sandbox.get(name)).start();
    assert.equal((await box.shell("cat /root/note")).stdout(), "kept\n");
    await box.detach();
    assert.equal(box.ownsLifecycle, false);
  }
  const handle = await Sandbox.get(name);
  assert.equal(handle.status, "running");
  await handle.kill();
  await removed(name);
});

test("errors are of their class and kind, at once", async () => {
  const name = uniqueName();
  await using box = await Sandbox.builder(name).create();
  const took = elapsed();
  await assert.rejects(Sandbox.builder(name).create(), (error: unknown) => {
    assert.ok(error instanceof SandboxAlreadyExistsError && error instanceof MicrosandboxError);
    assert.equal(error.name, "SandboxAlreadyExistsError");
    assert.equal(error.kind, "already_exists");
    assert.equal(error.subject, name);
    assert.match(error.message, new RegExp(name));
    return true;
  });
  assert.ok(took() < 20_000);
  await assert.rejects(Sandbox.get("nobody"), { kind: "sandbox_not_found" });
  await assert.rejects(Sandbox.builder("").create(), InvalidConfigError);
  await assert.rejects(Sandbox.get("a\0b"), InvalidArgumentError);
  await assert.rejects(Sandbox.get(undefined as never), InvalidArgumentError);
  await assert.rejects(box.stopWithTimeout(-1), InvalidArgumentError);
  await assert.rejects(box.exec("echo", "ab" as never), InvalidArgumentError);
  assert.throws(() => Sandbox.builder(name).cpus(NaN), InvalidArgumentError);
  assert.throws(() => Sandbox.builder(name).init("auto", "arg" as never), InvalidArgumentError);
  await box.close();
  await removed(name);
});

test("a start that fails says at which stage, with errno", async () => {
  const name = uniqueName();
  await (await Sandbox.builder(name).create()).close();
  await rename(`${home}/sandboxes/${name}/upper.ext4`, `${home}/upper`);
  await assert.rejects(Sandbox.start(name), (error: unknown) => {
    assert.ok(error instanceof BootStartError);
    assert.equal(error.kind, "boot_start");
    assert.equal(error.subject, name);
    assert.equal(error.stage, "mount");
    assert.equal(error.errno, 2);
    assert.match(error.message, /No such file/);
    return true;
  });
  await removed(name);
});

test("directories of the host, and a network", async () => {
  const name = uniqueName();
  const missing = Sandbox.builder(name).volume("/x", (m) => m.bind("/does/not/exist"));
  await assert.rejects(missing.create(), (error: unknown) => {
    assert.ok(error instanceof BootStartError);
    assert.equal(error.stage, "mount");
    assert.equal(error.errno, 2);
    return true;
  });
  await removed(name);
  const shared = await mkdtemp(`${home}/../shared-`);
  await using box = await Sandbox.builder(name)
    .volume("/x", (m) => m.bind(shared).followRootSymlinks())
    .volume("/y", (m) => m.bind(shared).followRootSymlinks().readonly())
    .volume("/q", (m) => m.bind(shared).cache("cached").quota(1, 9).owner(7, 8))
    .network((n) =>
      n.profiles("public").rules("deny@link-local", "allow@pypi.org:tcp:443").defaultEgress("deny").defaultIngress("allow"),
    )
    .create();
  const ofQuota = "stat -c %u:%g /q | grep -qx 7:8 && df -k /q | grep -q ' 1024 '";
  const script = `echo guest >/x/file && ! touch /y/file && test -e /sys/class/net/eth0 && ${ofQuota}`;
  assert.equal((await box.shell(script)).code, 0);
  assert.equal(await readFile(`${shared}/file`, "utf8"), "guest\n");
  await assert.rejects(Sandbox.builder("bad").port(80, 0).create(), InvalidConfigError);
  const misspelt = Sandbox.builder("bad").network((n) => n.rules("alow@any"));
  await assert.rejects(misspelt.create(), /did you mean|unknown action/);
  await box.close();
  await removed(name);
});

test("replace stops the one before within its time", async () => {
  const name = uniqueName();
  const first = await Sandbox.builder(name).detached(true).create();
  await first.shell("echo first >/root/note");
  const took = elapsed();
  await using second = await Sandbox.builder(name).replaceWithTimeout(0).create();
  assert.ok(took() < 20_000);
  assert.equal((await second.shell("cat /root/note")).code, 1);
  await first.close();
  await second.close();
  await removed(name);
});

test("stop waits, with a timeout of 0 it kills, and the end can be waited for", async () => {
  const name = uniqueName();
  await using box = await Sandbox.builder(name).create();
  await assert.rejects(box.waitUntilStopped({ timeoutMs: 50 }), TimedOutError);
  const end = box.waitUntilStopped();
  await box.requestStop();
  const seen = await end;
  assert.equal(seen.name, name);
  assert.equal(seen.status, "stopped");
  assert.ok(Math.abs(seen.observedAt.getTime() - Date.now()) < 60_000);
  assert.equal((await (await Sandbox.get(name)).waitUntilStopped()).status, "stopped");

  await using again = await Sandbox.start(name);
  const took = elapsed();
  await again.stopWithTimeout(0);
  assert.ok(took() < 20_000);
  assert.equal((await Sandbox.get(name)).status, "stopped");

  await using last = await Sandbox.start(name);
  await last.requestKill();
  assert.equal((await last.waitUntilStopped({ timeoutMs: 5000 })).name, name);
  await removed(name);
});

test("an ephemeral sandbox leaves nothing", async () => {
  const name = uniqueName();
  await using box = await Sandbox.builder(name).ephemeral(true).create();
  await box.close();
  await assert.rejects(Sandbox.get(name), SandboxNotFoundError);
});

test("drain lets a command finish", async () => {
  const name = uniqueName();
  await using box = await Sandbox.builder(name).create();
  const running = box.shell("sleep 1; echo finished");
  await new Promise((done) => setTimeout(done, 300));
  await box.requestDrain();
  await box.drain();
  assert.equal((await running).stdout(), "finished\n");
  assert.equal((await Sandbox.get(name)).status, "stopped");
  await removed(name);
});

test("lists come in pages and by label", async () => {
  const names = [uniqueName(), uniqueName(), uniqueName()];
  for (const name of names) await (await Sandbox.builder(name).label("group", "pages").create()).close();
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await Sandbox.listWith((list) => {
      list.label("group", "pages").limit(2);
      return cursor === null ? list : list.cursor(cursor);
    });
    assert.ok(page.sandboxes.length <= 2);
    for (const box of page) seen.push(box.name);
    cursor = page.nextCursor;
  } while (cursor !== null);
  assert.deepEqual(seen, [...names].reverse());
  assert.ok((await Sandbox.list()).sandboxes.length >= 3);
  assert.equal((await Sandbox.listWith((list) => list.label("group", "none"))).sandboxes.length, 0);
  for (const name of names) await removed(name);
});

test("an aborted call ends early, and nothing of it runs on", async () => {
  const name = uniqueName();
  const aborted = AbortSignal.abort("before");
  await assert.rejects(Sandbox.builder(name).create({ signal: aborted }), (error: unknown) => {
    assert.ok(error instanceof CancelledError);
    assert.equal(error.cause, "before");
    return true;
  });
  const controller = new AbortController();
  const creating = Sandbox.builder(name).create({ signal: controller.signal });
  setTimeout(() => controller.abort("enough"), 20);
  const took = elapsed();
  await assert.rejects(creating, { kind: "cancelled", cause: "enough" });
  assert.ok(took() < 20_000);
  for (const box of await Sandbox.list()) assert.ok(box.name !== name || box.status !== "running");
  await using box = await Sandbox.builder(name).replace().create();
  await box.close();
  await removed(name);
});

test("progress of getting the image, then the sandbox", async () => {
  const name = uniqueName();
  const making = await Sandbox.builder(name).createWithPullProgress();
  const kinds = [];
  for await (const event of making) kinds.push(event.kind);
  await using box = await making.awaitSandbox();
  assert.equal((await box.exec("true")).success, true);
  assert.equal(kinds.at(-1), "complete");
  await box.close();
  await removed(name);

  const unread = await Sandbox.builder("").createWithPullProgress();
  await assert.rejects(unread.awaitSandbox(), InvalidConfigError);
  for await (const event of unread) assert.fail(event.kind);
});

test("the agent's socket has a path, also of a sandbox that does not exist", async () => {
  const name = uniqueName();
  const path = AgentClient.socketPath(name);
  assert.ok(path.startsWith(home) && path.length < 108);
  assert.equal(existsSync(path), false);
  await using box = await Sandbox.builder(name).create();
  assert.equal(existsSync(path), true);
  await box.close();
  await removed(name);
  assert.throws(() => AgentClient.socketPath("x".repeat(129)), MicrosandboxError);
  assert.match(version(), /^\d+\.\d+\.\d+$/);
});

// In a process of its own: what becomes of a call and a sandbox when it ends.
for (const [how, end, code] of [
  ["by process.exit()", "process.exit(5)", 5],
  ["by an error", "throw new Error('on purpose')", 1],
  ["by a signal", "process.kill(process.pid, 'SIGKILL')", null],
] as const)
  test(`an attached sandbox ends with its process, ended ${how} while a call waits`, async () => {
    const name = uniqueName();
    const program = `
      import { Sandbox } from "microsandbox";
      const box = await Sandbox.builder("${name}").create();
      box.exec("sleep", ["1000"]).catch(() => {});
      setTimeout(() => { ${end} }, 300);`;
    const took = elapsed();
    // By file: Bun takes no module by option.
    const file = new URL(`./${name}.mjs`, import.meta.url);
    await writeFile(file, program);
    const child = spawnSync(process.execPath, [file.pathname], { encoding: "utf8" });
    assert.equal(child.status, code, child.stderr);
    assert.ok(took() < 20_000, `${took()} ms`);
    const handle = await Sandbox.get(name);
    await handle.waitUntilStopped({ timeoutMs: 10_000 });
    await removed(name);
  });
