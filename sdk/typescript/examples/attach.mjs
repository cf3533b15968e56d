// A shell of a running sandbox on this terminal: attach.mjs NAME [COMMAND [ARGUMENT...]]
import { Sandbox } from "microsandbox";

const [name, command, ...args] = process.argv.slice(2);
if (!name) {
  console.error("usage: attach.mjs NAME [COMMAND [ARGUMENT...]]");
  process.exit(2);
}
try {
  const sandbox = await (await Sandbox.get(name)).connect();
  const code = command
    ? await sandbox.attachWith(command, (attach) => attach.args(args).detachKeys("ctrl-a,d"))
    : await sandbox.attachShell();
  console.log(`exit code ${code}`);
} catch (error) {
  console.error(`attach: ${error.message}`);
  process.exit(1);
}
