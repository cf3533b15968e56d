import { immediate } from "./native.js";

/** The sandbox's agent, for programs that speak its protocol themselves. */
export class AgentClient {
  private constructor() {}

  /** The path of the socket on which the sandbox's agent speaks its protocol. Nothing is connected; the sandbox need not run or exist. */
  static socketPath(name: string): string {
    const [path] = immediate((native) => native.agent_socket_path(name));
    return path;
  }
}
