import { deleteMember, type MemberKey, type Membership, membersAsOf } from "./member-key.js";
import { agrees, roundOf } from "./present.js";

/**
 * Takes back the key of a member that is refused; unless the others have been let in meanwhile, and it was counted with them, since
 * one of those before it had gone. Resolves with the revision of the `ready` that has let it in, or undefined: the key is gone.
 */
export async function withdrawMember(
  member: MemberKey,
  { createRevision, readyRevision }: Membership,
): Promise<bigint | undefined> {
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
    const now = results[0]?.range?.kvs[0]?.modRevision ?? 0n;
    // where it is not `ready` that has changed, the key is gone
    if (succeeded || now === known) return undefined;
    if (now > createRevision) {
      const letInBy = await countedBy(member, createRevision, now);
      if (letInBy === undefined) await deleteMember(member, createRevision);
      return letInBy;
    }
    // the round before ours has ended
    known = now;
  }
}

/** The first `ready` since our key is there decides; etcd is asked who was there then. */
async function countedBy(
  member: MemberKey,
  createRevision: bigint,
  ready: bigint,
): Promise<bigint | undefined> {
  for (let letInBy = ready; ; ) {
    const { members, readyRevision } = await membersAsOf(member, letInBy - 1n);
    if (readyRevision > createRevision) {
      letInBy = readyRevision;
      continue;
    }
    const round = roundOf(members.filter(agrees(member.count)), member.count, readyRevision);
    const counted = round?.some((one) => one.createRevision === createRevision);
    return counted ? letInBy : undefined;
  }
}
