import { grouped } from "../model/grouped.js";
import { type KeyLife, livesUnder } from "../model/key-life.js";
import type { Operation, Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";

const CHECK = "double barriers";

/** Who is in was let in by a `ready` that came when enough were there, and out when all who were in with it were out, or gone. */
export function checkDoubleBarriers({ operations, history }: Run): Violation[] {
  const calls = operations.filter(({ kind }) => kind.startsWith("double barrier"));
  return [...grouped(calls, ({ name }) => name)].flatMap(([name, all]) => {
    const lives = livesUnder(history, `${name}/waiters/`);
    const ready = history
      .filter(({ key, type }) => type === "put" && key === `${name}/ready`)
      .map(({ revision }) => revision);
    // the first: a request that a frozen member kept may make the key once more, long after
    const byLease = new Map(lives.toReversed().map((life) => [life.lease, life]));
    const inside = all.flatMap((enter) => {
      if (enter.kind !== "double barrier enter" || enter.end?.outcome !== "done") return [];
      const life = byLease.get(enter.detail?.lease ?? "");
      const round = life && ready.findIndex((revision) => revision >= life.createRevision);
      return [{ enter, round: round ?? -1 }];
    });
    const leaves = all.filter(({ kind }) => kind === "double barrier leave");
    const leaveOf = new Map(leaves.map((leave) => [leave.detail?.lease, leave]));
    const rounds = grouped(inside, ({ round }) => `${round}`);
    return [...rounds].flatMap(([index, entered]) => {
      const enters = entered.map(({ enter }) => enter);
      return [
        ...tooEarly(Number(index), ready, lives, enters),
        ...leftBehind(enters.flatMap(({ detail }) => leaveOf.get(detail?.lease) ?? [])),
      ];
    });
  });
}

function tooEarly(
  round: number,
  ready: readonly number[],
  lives: readonly KeyLife[],
  enters: readonly Operation[],
): Violation[] {
  const from = ready[round - 1] ?? 0;
  const to = ready[round];
  if (to === undefined) {
    return enters.map(({ process, name, end }) => ({
      check: CHECK,
      told: `${process} entered ${name} at ${end?.at} us without a ready`,
    }));
  }
  const gang = lives.filter(({ createRevision }) => createRevision > from && createRevision <= to);
  const most = Math.max(
    0,
    ...gang.map(
      ({ createRevision: now }) =>
        gang.filter((life) => life.createRevision <= now && life.endRevision > now).length,
    ),
  );
  return enters
    .filter(({ detail }) => most < (detail?.count ?? 0))
    .map(({ process, name, end }) => ({
      check: CHECK,
      told: `${process} entered ${name} at ${end?.at} us, when at most ${most} had come`,
    }));
}

/** Two of one round: neither is out before the other one begins to leave; but for one that had lost its key by then. */
function leftBehind(leaves: readonly Operation[]): Violation[] {
  const orderly = leaves.filter(({ end }) => end?.outcome === "done");
  return orderly.flatMap((leave) => {
    const late = orderly.find(({ at }) => at > (leave.end?.at ?? Number.POSITIVE_INFINITY));
    if (!late) return [];
    const told = `${leave.process} was out of ${leave.name} at ${leave.end?.at} us, before ${late.process} began to leave at ${late.at}`;
    return [{ check: CHECK, told }];
  });
}
