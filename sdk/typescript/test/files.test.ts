// Files and images. Of the test's script: IMAGE_ARCHIVE, a docker-archive; PULLED, a reference in a registry on
// loopback, plain HTTP, of an image that runs.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import {
  Image,
  ImageInUseError,
  ImageNotFoundError,
  ImagePullFailedError,
  InvalidHandleError,
  LimitExceededError,
  PathNotFoundError,
  Sandbox,
  SandboxFsOps,
  SandboxFsOpsError,
} from "microsandbox";
import { removed, uniqueName } from "./support.js";

const name = uniqueName();
const home = process.env["MSB_HOME"]!;
let box: Sandbox;
let fs: SandboxFsOps;

before(async () => {
  box = await Sandbox.builder(name).create();
  fs = box.fs();
});
after(async () => {
  await box.close();
  await removed(name);
});

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const list = [];
  for await (const piece of pieces) list.push(piece);
  return Buffer.concat(list);
}

test("files are written, read, described, moved and removed", async () => {
  const content = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  await fs.mkdir("/root/a/b", { mode: 0o750 });
  await fs.write("/root/a/data", content, { mode: 0o600 });
  assert.deepEqual(Buffer.from(await fs.read("/root/a/data")), Buffer.from(content));
  await fs.write("/root/a/text", "grüße\n");
  assert.equal(await fs.readToString("/root/a/text"), "grüße\n");
  await fs.write("/root/a/empty", "");
  assert.equal((await fs.read("/root/a/empty")).length, 0);

  const entry = await fs.stat("/root/a/data");
  assert.deepEqual([entry.kind, entry.size, entry.mode & 0o7777, entry.uid], ["file", 100_000, 0o600, 0]);
  assert.ok(Math.abs(entry.modified!.getTime() - Date.now()) < 600_000);
  await box.shell("ln -s data /root/a/link");
  assert.equal((await fs.stat("/root/a/link", { follow: false })).kind, "symlink");
  assert.equal((await fs.stat("/root/a/link")).kind, "file");
  assert.deepEqual((await fs.list("/root/a")).map((item) => `${item.path} ${item.kind}`).sort(), [
    "/root/a/b directory",
    "/root/a/data file",
    "/root/a/empty file",
    "/root/a/link symlink",
    "/root/a/text file",
  ]);

  await fs.copy("/root/a/text", "/root/a/copy");
  await fs.rename("/root/a/copy", "/root/a/b/moved");
  assert.equal(await fs.readToString("/root/a/b/moved"), "grüße\n");
  assert.equal(await fs.exists("/root/a/copy"), false);
  await fs.remove("/root/a/data");
  await assert.rejects(fs.removeDir("/root/a", { recursive: false }), SandboxFsOpsError);
  await fs.removeDir("/root/a");
  assert.equal(await fs.exists("/root/a"), false);
});

test("failures of files are typed", async () => {
  await assert.rejects(fs.read("/no/such"), (error: unknown) => error instanceof PathNotFoundError);
  await assert.rejects(fs.write("/no/such/file", "x"), PathNotFoundError);
  await assert.rejects(fs.read("/dev/zero", { maxBytes: 1000 }), LimitExceededError);
  await assert.rejects(fs.write("/root/mine", "x", { user: "1000" }), (error: unknown) => {
    assert.ok(error instanceof SandboxFsOpsError);
    assert.equal(error.errno, 13);
    return true;
  });
});

test("files come from the host and go there", async () => {
  await writeFile(`${home}/from`, "of the host");
  await fs.copyFromHost(`${home}/from`, "/root/there");
  assert.equal(await fs.readToString("/root/there"), "of the host");
  await fs.copyToHost("/root/there", `${home}/back`);
  assert.equal(await readFile(`${home}/back`, "utf8"), "of the host");
});

test("large files go piece by piece", async () => {
  const piece = new Uint8Array(1_000_000).map((_, index) => index % 253);
  {
    await using writing = await fs.writeStream("/root/large");
    // In order, though nobody waits for each.
    await Promise.all(Array.from({ length: 8 }, () => writing.write(piece)));
    await writing.close();
    await assert.rejects(writing.write("more"), InvalidHandleError);
  }
  const all = Buffer.concat(Array.from({ length: 8 }, () => piece));
  assert.ok((await collected(await fs.readStream("/root/large"))).equals(all));
  assert.ok(all.equals(await (await fs.readStream("/root/large")).collect()));
  for await (const part of await fs.readStream("/root/large")) {
    assert.ok(part.length > 0);
    break;
  }
  await assert.rejects(fs.readStream("/no/such"), PathNotFoundError);
});

test("images are loaded, shown, used and removed", async () => {
  const [loaded] = await Image.load(process.env["IMAGE_ARCHIVE"]!, { tags: ["sdk/loaded:1"] });
  assert.match(loaded!.manifestDigest, /^sha256:[0-9a-f]{64}$/);
  assert.ok((await Image.list()).some((image) => image.reference.endsWith("sdk/loaded:1")));
  const detail = await Image.inspect("sdk/loaded:1");
  assert.deepEqual(detail.config["cmd"], ["/bin/sh"]);
  assert.equal(detail.layers.length, detail.handle.layerCount);

  const own = uniqueName();
  await (await Sandbox.builder(own).image("sdk/loaded:1").create()).close();
  await assert.rejects((await Image.get("sdk/loaded:1")).remove(), ImageInUseError);
  await removed(own);
  await Image.remove("sdk/loaded:1");
  await assert.rejects(Image.get("sdk/loaded:1"), ImageNotFoundError);
  assert.ok((await Image.prune()).bytesReclaimed >= 0);
});

test("images are pulled, with progress", async () => {
  const reference = process.env["PULLED"]!;
  const pulling = await Image.pullWithProgress(reference, { insecure: true });
  const events = [];
  for await (const event of pulling) events.push(event);
  const kinds = events.map((event) => event.kind);
  assert.equal(kinds[0], "resolving");
  assert.equal(kinds.at(-1), "complete");
  const resolved = events.find((event) => event.kind === "resolved");
  assert.equal(resolved?.layerCount, kinds.filter((kind) => kind === "layerMaterializeComplete").length);
  const image = await pulling.awaitImage();
  assert.equal(image.layerCount, resolved?.layerCount);
  assert.equal((await Image.pull(reference, { insecure: true })).manifestDigest, image.manifestDigest);

  const own = uniqueName();
  const builder = Sandbox.builder(own).image(reference).pullPolicy("always").registry((r) => r.insecure());
  const making = await builder.createWithPullProgress();
  const seen = [];
  for await (const event of making) seen.push(event.kind);
  assert.equal(seen.at(-1), "complete");
  await using other = await making.awaitSandbox();
  assert.equal((await other.exec("echo", ["pulled"])).stdout(), "pulled\n");
  await other.close();
  await removed(own);
  await assert.rejects(Image.pull(`${reference}-missing`, { insecure: true }), (error: unknown) => {
    assert.ok(error instanceof ImageNotFoundError || error instanceof ImagePullFailedError);
    return true;
  });
  await Image.remove(reference);
});
