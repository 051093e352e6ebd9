import { deleteMember, type MemberKey, membersAsOf } from "./member-key.js";
import { agrees, type Ready, readyOf, roundOf } from "./present.js";

/**
 * Takes back the key of a member that is refused; unless the others have been let in meanwhile, and it was counted with them, since
 * one of those before it had gone. Resolves with the `ready` that has let it in, or undefined: the key is gone.
 */
export async function withdrawMember(
  member: MemberKey,
  createRevision: bigint,
  readyRevision: bigint,
): Promise<Ready | undefined> {
  const { lease, gathering, key, what } = member;
  for (let known = readyRevision; ; ) {
    const txn = {
      compare: [
        { key, createRevision },
        { key: gathering.ready, modRevision: known },
      ],
      success: [{ deleteRange: { key } }],
      failure: [{ range: { key: gathering.ready } }],
    };
    const { succeeded, results } = await lease.txn(txn, { what });
    const now = readyOf(results[0]?.range?.kvs[0]);
    // where it is not `ready` that has changed, the key is gone
    if (succeeded || now.modRevision === known) return undefined;
    if (now.modRevision > createRevision) {
      const letInBy = await countedBy(member, createRevision, now);
      if (letInBy === undefined) await deleteMember(member, createRevision);
      return letInBy;
    }
    // the round before ours has ended
    known = now.modRevision;
  }
}

/** The first `ready` since our key is there decides; etcd is asked who was there then. */
async function countedBy(
  member: MemberKey,
  createRevision: bigint,
  now: Ready,
): Promise<Ready | undefined> {
  const agreesWithUs = agrees(member.count);
  for (let letInBy = now; ; ) {
    const { members, ready } = await membersAsOf(member, letInBy.modRevision - 1n);
    if (ready.modRevision > createRevision) {
      letInBy = ready;
      continue;
    }
    if (!agreesWithUs(letInBy)) return undefined;
    const round = roundOf(members.filter(agreesWithUs), member.count, ready.modRevision);
    const counted = round?.some((one) => one.createRevision === createRevision);
    return counted ? letInBy : undefined;
  }
}
