// node init.mjs IMAGE: an init becomes the guest's process 1, with its arguments and environment (the image is
// tests/lib.sh's init_image). Prints "ok".
import assert from "node:assert/strict";
import { BootStartError, InvalidConfigError, Sandbox } from "microsandbox";

const image = process.argv[2];
const builder = () => Sandbox.builder("init").image(image).replaceWithTimeout(0);

// Returns what process 1 is, and what the script says.
async function boot(configured, script = "true") {
  const box = await configured.create();
  const first = (await box.exec("cat", ["/proc/1/comm"])).stdout().trim();
  const said = (await box.shell(script)).stdout();
  await box.close();
  return [first, said];
}

assert.equal((await boot(builder().init("auto")))[0], "init");
assert.equal((await boot(builder().init("/sbin/init")))[0], "init");

const noted = "cat /etc/init.args; grep -x 'MODE=test value' /etc/init.env; grep -x 'B=2' /etc/init.env";
assert.equal(
  (await boot(builder().init("/sbin/noting-init", ["--one", "two words"]), "cat /etc/init.args"))[1],
  "/sbin/noting-init --one two words\n",
);
assert.equal(
  (
    await boot(
      builder().initWith("/sbin/noting-init", (init) =>
        init.arg("a").args(["b", "c"]).env("MODE", "test value").envs({ B: "2" }),
      ),
      noted,
    )
  )[1],
  "/sbin/noting-init a b c\nMODE=test value\nB=2\n",
);
// Setting it again replaces it.
assert.equal((await boot(builder().init("/no/such/init").init("auto")))[0], "init");

await assert.rejects(builder().init("/no/such/init").create(), (error) => {
  assert.ok(error instanceof BootStartError);
  assert.match(error.message, /init/);
  return true;
});
await assert.rejects(builder().init("relative").create(), InvalidConfigError);
await Sandbox.remove("init", { force: true });
console.log("ok");
