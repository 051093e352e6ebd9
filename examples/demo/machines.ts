import type { Group, MemberEvent } from "@etcdkit/liveness";
import { Bulletin } from "./bulletin.js";

export type Status = "alive" | "suspected" | "died" | "left";

/** Something that became of a machine, and when it was heard of (`process.hrtime`). */
export interface MachineNews {
  id: string;
  type: Exclude<MemberEvent["type"], "observer-suspected" | "observer-recovered">;
  text: string;
  at: bigint;
}

const STATUS = {
  joined: "alive",
  updated: "alive",
  recovered: "alive",
  suspected: "suspected",
  died: "died",
  left: "left",
} as const;

/** How the machines are, by what the group's watch tells. */
export class Machines {
  readonly news = new Bulletin<MachineNews>();
  readonly #status = new Map<string, Status>();

  status(id: string): Status | undefined {
    return this.#status.get(id);
  }

  /** Until `signal` aborts. */
  async follow(group: Group, signal: AbortSignal): Promise<void> {
    for await (const event of group.watch({ signal })) {
      // etcd's silence, and nobody's death
      if (event.type === "observer-suspected" || event.type === "observer-recovered") continue;
      const { id, type } = event;
      this.#status.set(id, STATUS[type]);
      this.news.tell({ id, type, text: inWords(event), at: process.hrtime.bigint() });
    }
  }
}

function inWords(event: Extract<MemberEvent, { id: string }>): string {
  const { id, type } = event;
  if (type === "joined") return `${id} joined, pid ${event.member.facts.pid}`;
  if (type === "suspected") {
    return `${id} is suspected: a renewal is missing, at most ${event.remainingMs / 1_000} s left`;
  }
  return `${id} ${type}`;
}
