import { closeSync, openSync, writeSync } from "node:fs";
import { type EtcdServer, eventually } from "@etcdkit/testing";
import type { IWatchResponse } from "etcd3";
import { now } from "../model/clock.js";
import type { KeyEvent } from "../model/record.js";

type Client = ReturnType<EtcdServer["client"]>;

const REOPEN_MS = 200;

/**
 * Writes down every change of every key since revision 1, as etcd's members tell it: each is watched past the proxies, and the
 * first to tell a revision is believed, since all have the same. That nothing is missing shows in the revisions: there is none
 * without a change.
 */
export class Auditor implements AsyncDisposable {
  readonly #file: number;
  readonly #watches: MemberWatch[];
  /** Of the keys that are there: what a deletion does not tell. */
  readonly #standing = new Map<string, Pick<KeyEvent, "createRevision" | "lease">>();
  #revision = 1;
  #gap: Error | undefined;

  constructor(members: readonly EtcdServer[], path: string) {
    this.#file = openSync(path, "a");
    this.#watches = members.map(
      (member) =>
        new MemberWatch(
          member,
          () => this.#revision + 1,
          (events) => this.#heard(events),
        ),
    );
  }

  /** All up to this revision is written down. */
  get revision(): number {
    return this.#revision;
  }

  /** Rejects where something is missing: then nothing can be judged. */
  async reaches(revision: number, withinMs = 30_000): Promise<void> {
    const what = `the history up to revision ${revision}`;
    await eventually(() => this.#gap || this.#revision >= revision, { withinMs, what });
    if (this.#gap) throw this.#gap;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of this.#watches) watch.close();
    closeSync(this.#file);
  }

  /** Whole revisions, in order, that may be known already. */
  #heard(events: readonly KeyEvent[]): void {
    for (let begin = 0, end = 0; begin < events.length; begin = end) {
      const revision = events[begin]?.revision ?? 0;
      while (events[end]?.revision === revision) end++;
      if (revision <= this.#revision) continue;
      if (revision !== this.#revision + 1) {
        throw new Error(
          `etcd left out revision ${this.#revision + 1}: it went on with ${revision}`,
        );
      }
      const lines = events.slice(begin, end).map((event) => this.#line(event));
      writeSync(this.#file, lines.join(""));
      this.#revision = revision;
    }
  }

  #line(event: KeyEvent): string {
    const { key, createRevision, lease } = event;
    const whole = event.type === "put" ? event : { ...event, ...this.#standing.get(key) };
    if (event.type === "put") this.#standing.set(key, { createRevision, lease });
    else this.#standing.delete(key);
    return `${JSON.stringify(whole)}\n`;
  }
}

/** A watch of all keys on one member, opened again whenever it breaks. */
class MemberWatch {
  readonly #client: Client;
  readonly #from: () => number;
  readonly #heard: (events: readonly KeyEvent[]) => void;
  #cancel: () => void = () => undefined;
  #closed = false;

  constructor(
    member: EtcdServer,
    from: () => number,
    heard: (events: readonly KeyEvent[]) => void,
  ) {
    this.#client = member.client();
    this.#from = from;
    this.#heard = heard;
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
    this.#client.close();
  }

  async #open(): Promise<void> {
    let over = false;
    const again = () => {
      if (over || this.#closed) return;
      over = true;
      setTimeout(() => void this.#open(), REOPEN_MS);
    };
    try {
      const stream = await this.#client.watchClient.watch();
      this.#cancel = () => stream.cancel();
      stream.on("error", again);
      stream.on("end", again);
      stream.on("data", (reply: IWatchResponse) => {
        if (reply.canceled) {
          stream.cancel();
          return again();
        }
        if (!over && !this.#closed) this.#heard(reply.events.map(toKeyEvent));
      });
      const all = Buffer.from([0]);
      const start_revision = String(this.#from());
      stream.write({ create_request: { key: all, range_end: all, start_revision } });
    } catch {
      again();
    }
  }
}

function toKeyEvent({ type, kv }: IWatchResponse["events"][number]): KeyEvent {
  return {
    type: type === "Put" ? "put" : "delete",
    key: `${kv.key}`,
    revision: Number(kv.mod_revision),
    createRevision: Number(kv.create_revision),
    value: `${kv.value}`,
    lease: BigInt(kv.lease).toString(16),
    at: now(),
  };
}
