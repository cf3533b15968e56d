// SSH for a running sandbox. `ssh.mjs NAME` shows what a client can do; `ssh.mjs NAME serve` serves one client on stdin and
// stdout, for OpenSSH's ProxyCommand.
import { Sandbox } from "microsandbox";

const [name, serves] = process.argv.slice(2);
if (!name) {
  console.error("usage: ssh.mjs NAME [serve]");
  process.exit(2);
}

async function show(sandbox) {
  const client = await sandbox.ssh().openClient({ user: "root" });
  const text = (data) => JSON.stringify(new TextDecoder().decode(data));
  const output = await client.exec("echo out; echo err >&2; exit 3");
  console.log(`${output.status} ${text(output.stdout)} ${text(output.stderr)}`);
  const files = await client.sftp();
  await files.mkdir("/tmp/d");
  await files.write("/tmp/d/a", "content");
  await files.rename("/tmp/d/a", "/tmp/d/b");
  await files.symlink("b", "/tmp/d/link");
  const target = await files.readLink("/tmp/d/link");
  const path = await files.realPath("/tmp/d/../d/link");
  console.log(`${target} ${path} ${new TextDecoder().decode(await files.read("/tmp/d/link"))}`);
  await files.removeFile("/tmp/d/link");
  await files.removeFile("/tmp/d/b");
  await files.removeDir("/tmp/d");
  await client.close();
}

async function serve(sandbox) {
  const server = await sandbox.ssh().prepareServer({ sftp: false });
  await server.serveConnection();
  await server.close();
}

try {
  const sandbox = await (await Sandbox.get(name)).connect();
  await (serves ? serve(sandbox) : show(sandbox));
  await sandbox.close();
} catch (error) {
  console.error(`ssh: ${error.message}`);
  process.exit(1);
}
