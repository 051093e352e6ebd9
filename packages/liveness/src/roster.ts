import type { KeyValue, WatchEvent } from "@etcdkit/core/internal";
import { type MemberInfo, readEntry } from "./entry.js";
import type { Died, Joined, Left, Updated } from "./events.js";
import type { Layout } from "./layout.js";

export type RosterEvent = Joined | Updated | Left | Died;

/** Who is a member, kept from the history of the group's keys; says what each change of them means. */
export class Roster {
  readonly #layout: Layout;
  readonly #members = new Map<string, MemberInfo>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** All keys as of `revision`: at first, or after a gap in the history; then the difference. */
  state(kvs: KeyValue[], revision: bigint): RosterEvent[] {
    const now = membersAmong(kvs, this.#layout);
    const goodbyes = this.#goodbyes(kvs);
    const events: RosterEvent[] = [];
    for (const before of [...this.#members.values()]) {
      const same = now.get(before.id)?.createRevision === before.createRevision;
      if (!same) events.push(this.#gone(before, revision, goodbyes, false));
    }
    for (const member of now.values()) {
      const known = this.#members.get(member.id);
      if (known?.modRevision !== member.modRevision) events.push(this.#there(member, revision));
    }
    return events;
  }

  /** Whole revisions, in order. */
  changes(changes: WatchEvent[]): RosterEvent[] {
    const events: RosterEvent[] = [];
    for (let start = 0, end = 0; start < changes.length; start = end) {
      const revision = changes[start]?.kv.modRevision ?? 0n;
      while (changes[end]?.kv.modRevision === revision) end++;
      events.push(...this.#oneRevision(changes.slice(start, end), revision));
    }
    return events;
  }

  #oneRevision(changes: WatchEvent[], revision: bigint): RosterEvent[] {
    const puts = changes.filter(({ type }) => type === "put").map(({ kv }) => kv);
    const goodbyes = this.#goodbyes(puts);
    const events: RosterEvent[] = [];
    for (const { type, kv } of changes) {
      const place = this.#layout.placeOf(kv.key);
      if (!place || place.left !== undefined) continue;
      const member = type === "put" ? readEntry(place.id, kv) : undefined;
      const before = this.#members.get(place.id);
      if (member) events.push(this.#there(member, revision));
      // what cannot be read is no member: the put that spoilt an entry ends it as a deletion would
      else if (before) events.push(this.#gone(before, revision, goodbyes, true));
    }
    return events;
  }

  #there(member: MemberInfo, revision: bigint): Joined | Updated {
    const { id } = member;
    const before = this.#members.get(id);
    this.#members.set(id, member);
    if (before) return { type: "updated", id, member, before, revision };
    return { type: "joined", id, member, revision };
  }

  #gone(
    member: MemberInfo,
    revision: bigint,
    goodbyes: Set<string>,
    witnessed: boolean,
  ): Left | Died {
    const { id } = member;
    this.#members.delete(id);
    const left = goodbyes.has(goodbye(id, member.incarnation));
    if (left) return { type: "left", id, member, revision };
    return { type: "died", id, member, revision, witnessed };
  }

  #goodbyes(kvs: KeyValue[]): Set<string> {
    const goodbyes = new Set<string>();
    for (const { key } of kvs) {
      const place = this.#layout.placeOf(key);
      if (place?.left !== undefined) goodbyes.add(goodbye(place.id, place.left));
    }
    return goodbyes;
  }
}

/** The members whose entries are among `kvs`. */
export function membersAmong(kvs: KeyValue[], layout: Layout): Map<string, MemberInfo> {
  const members = new Map<string, MemberInfo>();
  for (const kv of kvs) {
    const place = layout.placeOf(kv.key);
    if (!place || place.left !== undefined) continue;
    const member = readEntry(place.id, kv);
    if (member) members.set(place.id, member);
  }
  return members;
}

// no id has a slash in it
const goodbye = (id: string, incarnation: string) => `${id}/${incarnation}`;
