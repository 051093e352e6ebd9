import type { Etcd3 } from "etcd3";

/**
 * The two calls of which a lock that nobody else wants consists, made through etcd3 and nothing else: no waiting, no watching of
 * the session, no retry. The floor for whoever uses that client.
 */
export class BareLock {
  readonly #client: Etcd3;
  readonly #lease: string;
  readonly #prefix: Buffer;
  readonly #end: Buffer;
  readonly #key: Buffer;

  constructor(client: Etcd3, lease: string, name: string) {
    this.#client = client;
    this.#lease = lease;
    this.#prefix = Buffer.from(`${name}/`);
    this.#end = Buffer.from(`${name}0`);
    this.#key = Buffer.from(`${name}/${BigInt(lease).toString(16)}`);
  }

  async lock(): Promise<string> {
    const others = { key: this.#prefix, range_end: this.#end, count_only: true };
    const put = { key: this.#key, value: Buffer.alloc(0), lease: this.#lease };
    const reply = await this.#client.kv.txn({
      compare: [{ key: this.#key, target: "Create", result: "Equal", create_revision: 0 }],
      success: [{ request_range: others }, { request_put: put }],
      failure: [],
    });
    return reply.header.revision;
  }

  async unlock(revision: string): Promise<void> {
    await this.#client.kv.txn({
      compare: [{ key: this.#key, target: "Create", result: "Equal", create_revision: revision }],
      success: [{ request_delete_range: { key: this.#key } }],
      failure: [],
    });
  }
}

export async function bareLocks(client: Etcd3, count: number): Promise<BareLock[]> {
  const locks: BareLock[] = [];
  for (let n = 0; n < count; n++) {
    const lease = client.lease(60, { autoKeepAlive: false });
    locks.push(new BareLock(client, await lease.grant(), `bench/lock/${n}`));
  }
  return locks;
}
