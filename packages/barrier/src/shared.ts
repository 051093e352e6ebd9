import type { EtcdConnection } from "@etcdkit/core/internal";

/** One thing a connection and name, for all who ask while it is there. It goes with the connection. */
export class Shared<T> {
  readonly #all = new WeakMap<EtcdConnection, Map<string, T>>();

  get(connection: EtcdConnection, name: string, make: () => T): T {
    const byName = this.#all.get(connection) ?? new Map<string, T>();
    this.#all.set(connection, byName);
    const found = byName.get(name) ?? make();
    byName.set(name, found);
    return found;
  }

  forget(connection: EtcdConnection, name: string): void {
    this.#all.get(connection)?.delete(name);
  }
}
