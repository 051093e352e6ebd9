import { grouped } from "../model/grouped.js";
import { type KeyLife, livesUnder } from "../model/key-life.js";
import type { Belief, Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";
import { deposedAt, depositions, endedEarly } from "./deposed.js";

/** While it certainly was believed: from after the first look to before the last one, or not even that. */
interface Span {
  readonly belief: Belief;
  readonly start: number;
  readonly end: number;
}

/**
 * At most one holder by the holders' own belief, readers of a read-write lock aside; and of two that exclude each other, the later
 * one has the greater token, which is the create revision of its key in etcd. Nobody believes longer than its key stands.
 */
export function checkExclusion({ beliefs, faults, history }: Run): Violation[] {
  const taken = depositions(faults);
  const byName = grouped(beliefs, ({ name }) => name);
  return [...byName].flatMap(([name, all]) => {
    const lives = new Map(
      livesUnder(history, `${name}/`).map((life) => [life.createRevision, life]),
    );
    const spans = all.flatMap((belief) => {
      const early = endedEarly(belief, lives.get(belief.token), faults);
      return spanOf(belief, Math.min(deposedAt(belief, taken), early));
    });
    return [
      ...overlaps(spans),
      ...disorder(spans),
      ...invented(all, lives),
      ...outlived(spans, lives),
    ];
  });
}

function spanOf(belief: Belief, deposed: number): Span[] {
  const { first, last } = belief;
  if (deposed <= first.after) return [];
  return [{ belief, start: first.after, end: Math.min(last.before, deposed) }];
}

function overlaps(spans: readonly Span[]): Violation[] {
  const found: Violation[] = [];
  const longest: { reader?: Span; writer?: Span } = {};
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const kind = kindOf(span);
    const others = kind === "reader" ? [longest.writer] : [longest.reader, longest.writer];
    for (const other of others) {
      if (!other || other.end <= span.start || other.start > span.belief.first.before) continue;
      const ms = Math.max(0, Math.min(other.end, span.end) - span.start) / 1_000;
      const told = `${tell(other)} and ${tell(span)} both held for ${ms} ms`;
      found.push({ check: "exclusion", told });
    }
    if ((longest[kind]?.end ?? 0) < span.end) longest[kind] = span;
  }
  return found;
}

function disorder(spans: readonly Span[]): Violation[] {
  const found: Violation[] = [];
  const known = spans.toSorted((a, b) => a.start - b.start);
  const greatest: { reader?: Span; writer?: Span } = {};
  let earlier = 0;
  for (const span of spans.toSorted((a, b) => a.belief.first.before - b.belief.first.before)) {
    for (let next = known[earlier]; next && next.start < span.belief.first.before; ) {
      const kind = kindOf(next);
      if ((greatest[kind]?.belief.token ?? 0) <= next.belief.token) greatest[kind] = next;
      next = known[++earlier];
    }
    const kind = kindOf(span);
    const others = kind === "reader" ? [greatest.writer] : [greatest.reader, greatest.writer];
    for (const other of others) {
      if (!other || span.belief.kind === "barrier" || follows(other.belief, span.belief)) continue;
      const told = `${tell(span)} came after ${tell(other)}, but its token is not greater`;
      found.push({ check: "fencing tokens", told });
    }
  }
  return found;
}

/** A write lock that became a read lock while a writer waited keeps its key, and its token. */
function follows(earlier: Belief, later: Belief): boolean {
  if (later.token > earlier.token) return true;
  const kept = earlier.kind === "write" && later.kind === "read" && later.key === earlier.key;
  return kept && later.token === earlier.token;
}

/** Tokens that etcd has not given. */
function invented(beliefs: readonly Belief[], lives: Map<number, KeyLife>): Violation[] {
  return beliefs
    .filter(({ kind, key, token }) => kind !== "barrier" && lives.get(token)?.key !== key)
    .map((belief) => ({
      check: "fencing tokens",
      told: `${tell({ belief })} has a token that is not its key's create revision`,
    }));
}

/** Who believes that it holds when its key is known to be gone. */
function outlived(spans: readonly Span[], lives: Map<number, KeyLife>): Violation[] {
  return spans.flatMap((span) => {
    const gone = lives.get(span.belief.token)?.endAt ?? Number.POSITIVE_INFINITY;
    if (span.end <= gone) return [];
    const ms = (span.end - gone) / 1_000;
    return [{ check: "loss is known", told: `${tell(span)} held ${ms} ms after its key had gone` }];
  });
}

function kindOf({ belief }: Span): "reader" | "writer" {
  return belief.kind === "read" ? "reader" : "writer";
}

function tell({ belief }: Pick<Span, "belief">): string {
  const { process, kind, name, token, first, last } = belief;
  return `${process} (${kind} ${name}, token ${token}, ${first.before}-${last.after} us)`;
}
