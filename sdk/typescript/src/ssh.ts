import { type ConfigureAttach } from "./attach.js";
import { InvalidHandleError, MicrosandboxError } from "./errors.js";
import type { ConfigureExec, ExecOutput } from "./exec.js";
import { type SandboxFsOps } from "./fs.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import type { NativeSshServerOptions } from "./tables.js";
import { duration } from "./values.js";

/** What a command wrote and how it ended. */
export interface SshOutput {
  /** 128 and the signal's number if a signal ended the command. */
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** How a client is opened. */
export interface SshClientOptions {
  /** User of the guest, USER[:GROUP], names or numbers; root if not given. */
  user?: string;
  /** Whether there are files: SshClient.sftp(); true if not given. */
  sftp?: boolean;
}

/** How SSH is served. */
export interface SshServerOptions {
  /** File of the server's private key; the one of this MSB_HOME if not given. */
  hostKeyPath?: string;
  /** File of the keys that may enter; those of `msb ssh authorize` if not given. */
  authorizedKeysPath?: string;
  /** User of the guest, USER[:GROUP]; the name that a client logs in with if not given. */
  user?: string;
  /** Whether there are files by SFTP; true if not given. */
  sftp?: boolean;
  /** Milliseconds after which a connection on which nothing happens is ended; 0: never; 600000 if not given. */
  inactivityTimeout?: number;
}

/** What a client needs of a sandbox. */
interface Guest {
  shellWith(script: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecOutput>;
  attachShellWith(configure: ConfigureAttach, options?: CallOptions): Promise<number>;
  fs(): SandboxFsOps;
}

/** SSH for a sandbox that runs: `Sandbox.ssh()`. There is no server in the guest. */
export class SandboxSshOps {
  readonly #sandbox: Guest;
  readonly #handle: () => bigint;

  /** @internal */
  constructor(sandbox: Guest, handle: () => bigint) {
    this.#sandbox = sandbox;
    this.#handle = handle;
  }

  /** A client. */
  async openClient(options: SshClientOptions = {}): Promise<SshClient> {
    return new SshClient(this.#sandbox, options);
  }

  /** Prepares to serve. PermissionDeniedError if no key may enter. */
  async prepareServer(options: SshServerOptions = {}): Promise<SshServer> {
    const native: NativeSshServerOptions = {
      host_key_path: options.hostKeyPath,
      authorized_keys_path: options.authorizedKeysPath,
      user: options.user,
      sftp: options.sftp,
      inactivity_timeout_ms:
        options.inactivityTimeout === undefined ? undefined : duration(options.inactivityTimeout, "inactivityTimeout"),
    };
    const [server] = await blocking((library) => library.ssh_server_open(this.#handle(), JSON.stringify(native)));
    return new SshServer(server);
  }
}

/**
 * What an SSH client of the sandbox can do, over the connection that there is: between two ends of this package SSH itself
 * would protect nothing.
 */
export class SshClient implements AsyncDisposable {
  #sandbox: Guest | null;
  readonly #user: string;
  readonly #files: boolean;

  /** @internal */
  constructor(sandbox: Guest, options: SshClientOptions) {
    this.#sandbox = sandbox;
    this.#user = options.user ?? "root";
    this.#files = options.sftp ?? true;
  }

  #open(): Guest {
    if (!this.#sandbox) throw new InvalidHandleError({ kind: "invalid_handle", message: "the SSH client is closed" });
    return this.#sandbox;
  }

  /** Runs a command line of the sandbox's shell; with `tty` all that it writes is stdout. Fails as Sandbox.exec() does. */
  async exec(command: string, options: CallOptions & { tty?: boolean } = {}): Promise<SshOutput> {
    const output = await this.#open().shellWith(
      command,
      (request) => request.user(this.#user).tty(options.tty ?? false),
      options,
    );
    return { status: output.status.code, stdout: output.stdoutBytes(), stderr: output.stderrBytes() };
  }

  /** Gives a shell the terminal of this process: Sandbox.attachShell(). */
  async attach(
    configure: ConfigureAttach = (attach) => attach,
    options?: CallOptions,
  ): Promise<number> {
    return this.#open().attachShellWith((attach) => configure(attach.user(this.#user)), options);
  }

  /** The sandbox's files, as the client's user. MicrosandboxError if the client was opened without. */
  async sftp(): Promise<SftpClient> {
    const sandbox = this.#open();
    if (!this.#files) throw new MicrosandboxError({ kind: "unsupported", message: "the client was opened without SFTP" });
    return new SftpClient(sandbox.fs(), this.#user);
  }

  /** Ends the client; the sandbox goes on. */
  async close(): Promise<void> {
    this.#sandbox = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Files of the guest by absolute path, with the names that SFTP has for what is done with them. */
export class SftpClient {
  readonly #files: SandboxFsOps;
  readonly #as: { user: string };

  /** @internal */
  constructor(files: SandboxFsOps, user: string) {
    this.#files = files;
    this.#as = { user };
  }

  /** The content of a file. */
  async read(path: string, options?: CallOptions): Promise<Uint8Array> {
    return this.#files.read(path, { ...options, ...this.#as });
  }
  /** Makes or replaces a file. */
  async write(path: string, data: Uint8Array | string, options?: CallOptions): Promise<void> {
    await this.#files.write(path, data, { ...options, ...this.#as });
  }
  /** Makes a directory. */
  async mkdir(path: string, options?: CallOptions): Promise<void> {
    await this.#files.mkdir(path, { ...options, ...this.#as });
  }
  /** Deletes a file. */
  async removeFile(path: string, options?: CallOptions): Promise<void> {
    await this.#files.remove(path, { ...options, ...this.#as });
  }
  /** Deletes a directory that is empty. */
  async removeDir(path: string, options?: CallOptions): Promise<void> {
    await this.#files.removeDir(path, { ...options, ...this.#as, recursive: false });
  }
  /** Gives a file or directory another name. */
  async rename(from: string, to: string, options?: CallOptions): Promise<void> {
    await this.#files.rename(from, to, { ...options, ...this.#as });
  }
  /** A path without links, "." and "..". */
  async realPath(path: string, options?: CallOptions): Promise<string> {
    return this.#files.realPath(path, { ...options, ...this.#as });
  }
  /** What a symbolic link has in it. */
  async readLink(path: string, options?: CallOptions): Promise<string> {
    return this.#files.readLink(path, { ...options, ...this.#as });
  }
  /** Makes a symbolic link at a path. */
  async symlink(target: string, path: string, options?: CallOptions): Promise<void> {
    await this.#files.symlink(target, path, { ...options, ...this.#as });
  }
  /** Ends the client. */
  async close(): Promise<void> {}
}

/** Serves clients of SSH, each with a jailed process of its own. */
export class SshServer implements AsyncDisposable {
  readonly #server: bigint;
  #closed = false;

  /** @internal */
  constructor(server: bigint) {
    this.#server = server;
  }

  /**
   * Serves one client on these descriptors, which are stdin and stdout as a ProxyCommand wants it, and may be the same;
   * resolves when it has gone. They stay open.
   */
  async serveConnection(options: CallOptions & { input?: number; output?: number } = {}): Promise<void> {
    if (this.#closed) throw new InvalidHandleError({ kind: "invalid_handle", message: "the SSH server is closed" });
    await cancellable(
      (native, cancel) => native.ssh_server_serve(cancel, this.#server, options.input ?? 0, options.output ?? 1),
      options,
    );
  }

  /** Ends the connections that are served. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await blocking((native) => native.ssh_server_close(this.#server));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
