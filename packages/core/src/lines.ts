import type { EtcdConnection } from "./connection.js";
import { Line, type Policy } from "./line.js";

/** The lines that somebody on one connection has to do with, one a name and policy. */
export class Lines {
  readonly #connection: EtcdConnection;
  readonly #lines = new Map<string, Line>();

  constructor(connection: EtcdConnection) {
    this.#connection = connection;
  }

  get(name: string, policy: Policy): Line {
    const id = `${policy.kind} ${name}`;
    let line = this.#lines.get(id);
    if (!line) {
      line = new Line(this.#connection, name, policy, this);
      this.#lines.set(id, line);
    }
    return line;
  }

  close(): void {
    for (const line of [...this.#lines.values()]) line.stop();
  }

  forget(line: Line): void {
    if (this.#lines.get(line.what) === line) this.#lines.delete(line.what);
  }
}
