import type { Group, MemberEvent, MemberInfo, WatchOptions } from "@etcdkit/liveness";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, onTestFinished } from "vitest";

export interface Seen {
  /** `performance.now()`. */
  at: number;
  event: MemberEvent;
}

/** All that a watch has told so far; it ends with the test. */
export class Observer {
  readonly seen: Seen[] = [];
  /** The ids of those who are members by what was told. */
  readonly present = new Set<string>();
  readonly #stop = new AbortController();
  readonly #over: Promise<unknown>;

  constructor(group: Group, suspect: WatchOptions["suspect"] = {}) {
    const { signal } = this.#stop;
    this.#over = (async () => {
      for await (const event of group.watch({ signal, suspect })) {
        this.seen.push({ at: performance.now(), event });
        if (event.type === "joined") this.present.add(event.id);
        if (event.type === "left" || event.type === "died") this.present.delete(event.id);
      }
    })().catch((error) => error);
    onTestFinished(() => this.#stop.abort());
  }

  get events(): MemberEvent[] {
    return this.seen.map(({ event }) => event);
  }

  /** As words: `joined a`, `died b`, … in order; only of `id`, where that is given. */
  words(id?: string): string[] {
    return this.events
      .filter((event) => id === undefined || ("id" in event && event.id === id))
      .map((event) => ("id" in event ? `${event.type} ${event.id}` : event.type));
  }

  /** The first event of these words; waits for it. */
  async heard(word: string, withinMs = 5_000): Promise<Seen> {
    const find = () => this.seen[this.words().indexOf(word)];
    return await eventually(find, { withinMs, everyMs: 2, what: `"${word}" (${this.words()})` });
  }

  /** Who is a member by what was told. */
  fold(): Map<string, MemberInfo> {
    const members = new Map<string, MemberInfo>();
    for (const event of this.events) {
      if (event.type === "joined") {
        expect(members.has(event.id)).toBe(false);
        members.set(event.id, event.member);
      } else if (event.type === "updated") {
        expect(members.get(event.id)).toEqual(event.before);
        members.set(event.id, event.member);
      } else if (event.type === "left" || event.type === "died") {
        expect(members.get(event.id)).toEqual(event.member);
        members.delete(event.id);
      }
    }
    return members;
  }

  /** Ends the watch; resolves with the error it ended with, if any. */
  async stop(): Promise<unknown> {
    this.#stop.abort();
    return await this.#over;
  }

  /** Resolves when the watch has ended by itself, with its error. */
  get over(): Promise<unknown> {
    return this.#over;
  }
}
