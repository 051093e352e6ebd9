import type { FaultRecord, KeyEvent, SightRecord } from "../model/record.js";
import type { Observation, Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";
import { mayHaveMissed } from "./compaction.js";
import { mustHaveSeen } from "./reached.js";

type Told = Pick<
  NonNullable<SightRecord["event"]>,
  "type" | "id" | "revision" | "modRevision" | "witnessed"
>;

/** What a watch of a group told is the history of its keys: none died who did not, nothing twice, nothing left out. */
export function checkMembership(run: Run): Violation[] {
  const histories = new Map<string, Told[]>();
  return run.observations
    .filter(({ of }) => of === "group")
    .flatMap((observation) => {
      const { name, process } = observation;
      const events = histories.get(name) ?? memberEvents(run.history, name);
      histories.set(name, events);
      const fault = mismatch(observation, events, run.faults, mustHaveSeen(run, process));
      return fault ? [{ check: "membership", told: `${process} of ${name}: ${fault}` }] : [];
    });
}

/** What the group's keys mean: an entry of a member, and beside it, where one says goodbye, a key with its incarnation. */
function memberEvents(history: readonly KeyEvent[], name: string): Told[] {
  const prefix = `${name}/members/`;
  const own = history.filter(({ key }) => key.startsWith(prefix));
  const standing = new Map<string, { incarnation: string; modRevision: number }>();
  const goodbyes = new Set(
    own.filter(({ type }) => type === "put").map(({ key, revision }) => `${key} ${revision}`),
  );
  const events: Told[] = [];
  for (const { type, key, revision, value } of own) {
    const id = key.slice(prefix.length);
    if (id.includes("/")) continue;
    const before = standing.get(id);
    if (type === "put") {
      const kind = before ? "updated" : "joined";
      events.push({ type: kind, id, revision, modRevision: revision });
      const { incarnation } = JSON.parse(value) as { incarnation: string };
      standing.set(id, { incarnation, modRevision: revision });
    } else if (before) {
      const left = goodbyes.has(`${key}/left/${before.incarnation} ${revision}`);
      const { modRevision } = before;
      events.push({ type: left ? "left" : "died", id, revision, modRevision });
      standing.delete(id);
    }
  }
  return events;
}

function mismatch(
  { sights }: Observation,
  events: readonly Told[],
  faults: readonly FaultRecord[],
  reached: number,
): string | undefined {
  const seen = new Map<string, number>();
  const truly = new Map<string, number>();
  let next = 0;
  let before: number | undefined;
  for (let begin = 0, end = 0; begin < sights.length; begin = end) {
    const revision = sights[begin]?.event?.revision ?? 0;
    const at = sights[begin]?.at ?? 0;
    while (sights[end]?.event?.revision === revision) end++;
    const told = sights.slice(begin, end).flatMap(({ event }) => (event ? [event] : []));
    const expected: Told[] = [];
    for (let event = events[next]; event && event.revision <= revision; event = events[++next]) {
      expected.push(event);
      fold(truly, event);
    }
    for (const event of told) fold(seen, event);
    const words = told.map(wordOf).join(", ");
    if (before !== undefined && revision <= before) return `"${words}" came after ${before}`;
    // the first are the members there are; and what etcd has compacted is told as the difference
    const exact = before !== undefined && !mayHaveMissed(faults, { seen: before, at });
    const meant = expected.map(wordOf).join(", ");
    if (exact && words !== meant) return `it told "${words}", and not "${meant}"`;
    if (state(seen) !== state(truly)) {
      return `by its word there were ${state(seen)} at revision ${revision}, and not ${state(truly)}`;
    }
    before = revision;
  }
  const missing = events[next];
  if (!missing || missing.revision > reached) return undefined;
  return `it fell silent before "${wordOf(missing)}"`;
}

function fold(members: Map<string, number>, { type, id, modRevision }: Told): void {
  if (type === "left" || type === "died") members.delete(id);
  else members.set(id, modRevision);
}

function state(members: Map<string, number>): string {
  return [...members]
    .map(([id, modRevision]) => `${id}@${modRevision}`)
    .sort()
    .join(" ");
}

function wordOf({ type, id, revision, modRevision }: Told): string {
  return `${id} ${type} at ${revision} (${modRevision})`;
}
