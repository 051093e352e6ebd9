import { Session } from "@etcdkit/session";
import type { Client } from "./client.js";

/** A lease id as it stands in keys. */
export function leaseOf(session: Session): string {
  return session.leaseId.toString(16);
}

/** Opens a session, and records it; undefined where etcd did not answer. */
export function openSession({ etcd, recorder, ttl }: Client): Promise<Session | undefined> {
  return recorder.operation({ kind: "session open", name: "session" }, async () => {
    const session = await Session.open(etcd, { ttl });
    return { outcome: "done", detail: { lease: leaseOf(session) }, value: session };
  });
}

/** The session that a kind of traffic works with: a new one when the old one is lost. */
export class Sessions implements AsyncDisposable {
  readonly #client: Client;
  #session: Session | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Undefined where none can be opened for now. */
  async current(): Promise<Session | undefined> {
    if (!this.#session || this.#session.signal.aborted) {
      this.#session = await openSession(this.#client);
    }
    return this.#session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.close();
  }
}
