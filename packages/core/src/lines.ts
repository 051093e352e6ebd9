import type { EtcdConnection } from "./connection.js";
import { Line, type Policy } from "./line.js";

/** The lines that somebody on one connection has to do with, one a name and policy. */
export class Lines {
  readonly #connection: EtcdConnection;
  readonly #lines = new Map<string, Line>();

  constructor(connection: EtcdConnection) {
    this.#connection = connection;
  }

  /** The one in use, or else `spare`, one that was got before, or a new one. */
  get(name: string, policy: Policy, spare?: Line): Line {
    const inUse = this.#lines.get(spare?.what ?? `${policy.kind} ${name}`);
    return inUse ?? spare ?? new Line(this.#connection, name, policy, this);
  }

  /** Somebody has to do with `line` from now on. */
  add(line: Line): void {
    // another may be in use by now
    if (!this.#lines.has(line.what)) this.#lines.set(line.what, line);
  }

  close(): void {
    for (const line of [...this.#lines.values()]) line.stop();
  }

  forget(line: Line): void {
    if (this.#lines.get(line.what) === line) this.#lines.delete(line.what);
  }
}
