import { CoordinationError } from "@etcdkit/core";
import {
  byCreateRevision,
  deleteOwn,
  EtcdFailure,
  type KeyValue,
  type Lease,
  putOwn,
  type Txn,
} from "@etcdkit/core/internal";
import type { Gathering } from "./gathering.js";
import { encodeCount } from "./member-value.js";
import { type Present, present, type Ready, readyOf } from "./present.js";

/** The writes of a member of a double barrier. Each may be sent again when its reply was lost. */

/** What there was at a revision. */
export interface Moment {
  /** In order. */
  members: Present[];
  ready: Ready;
}

/** As of the creation of our key, which is the last in order. */
export interface Membership extends Moment {
  createRevision: bigint;
  readyNow: Ready;
}

export interface MemberKey {
  readonly lease: Lease;
  readonly gathering: Gathering;
  readonly count: number;
  readonly key: Buffer;
  readonly what: string;
}

/**
 * Creates our key, or finds it as an attempt without an answer, or a former life on this lease, left it. Those before it may have
 * gone since; where history is compacted, who is there now counts instead.
 */
export async function createMember(
  member: MemberKey,
  value: Buffer,
  signal: AbortSignal,
  unanswered: () => void,
): Promise<Membership> {
  const { lease, gathering, key, what } = member;
  const reads: Txn["success"] = [{ range: gathering.waiters }, { range: { key: gathering.ready } }];
  const txn: Txn = {
    compare: [{ key, createRevision: 0n }],
    success: [{ put: { key, value, lease: lease.id } }, ...reads],
    failure: [{ range: { key } }, ...reads],
  };
  const { succeeded, results } = await lease.txn(txn, { what, signal, unanswered });
  const [, members, ready] = results.map(({ range }) => range?.kvs ?? []);
  const own = members?.find((member) => member.key.equals(key));
  if (own?.lease !== lease.id) {
    throw new CoordinationError(
      "KEY_TAKEN",
      `${what}: the key that should be ours, ${key}, belongs to another lease`,
    );
  }
  // or whoever is cancelled now would not know of it
  if (!succeeded) unanswered();
  // a former life may have come for another count
  if (!own.value.equals(value)) {
    await putOwn(lease, own, value, { what });
    return await createMember(member, value, signal, unanswered);
  }
  const { createRevision } = own;
  const readyNow = readyOf(ready?.[0]);
  const upToOurs = members?.filter((member) => member.createRevision <= createRevision) ?? [];
  const now = momentOf(upToOurs, readyNow);
  if (succeeded) return { ...now, createRevision, readyNow };
  const then = await membersAsOf(member, createRevision, signal).catch(unlessCompacted);
  return { ...(then ?? now), createRevision, readyNow };
}

function unlessCompacted(error: unknown): undefined {
  if (!(error instanceof EtcdFailure) || error.kind !== "compacted") throw error;
}

/** Who was there at a revision. Rejects with an EtcdFailure "compacted" where that is too long ago. */
export async function membersAsOf(
  { lease, gathering, what }: MemberKey,
  revision: bigint,
  signal?: AbortSignal,
): Promise<Moment> {
  const request = { ...gathering.range, revision };
  const { kvs } = await lease.call((etcd, call) => etcd.range(request, call), { what, signal });
  const ready = kvs.find(({ key }) => key.equals(gathering.ready));
  return momentOf(kvs.filter(gathering.isMember), readyOf(ready));
}

function momentOf(members: KeyValue[], ready: Ready): Moment {
  return { members: members.sort(byCreateRevision).map(present), ready };
}

// etcd takes 128 comparisons in one transaction by default (--max-txn-ops)
const COMPARED = 100;

/**
 * Puts `ready`, if all members of the round are there in that moment (of a very large round, its last ones), and nobody has put it
 * since `readyRevision`: an attempt that arrives late lets nobody in. Resolves with `ready` as it is then.
 */
export async function putReady(
  { lease, gathering, count, key, what }: MemberKey,
  createRevision: bigint,
  round: readonly Pick<KeyValue, "key" | "createRevision">[],
  readyRevision: bigint,
): Promise<Ready> {
  const others = round.filter((member) => !member.key.equals(key)).slice(-COMPARED);
  const txn: Txn = {
    compare: [
      { key: gathering.ready, modRevision: readyRevision },
      { key, createRevision },
      ...others.map((member) => ({ key: member.key, createRevision: member.createRevision })),
    ],
    success: [{ put: { key: gathering.ready, value: encodeCount(count) } }],
    failure: [{ range: { key: gathering.ready } }],
  };
  const result = await lease.txn(txn, { what });
  if (result.succeeded) return { modRevision: result.revision, count };
  return readyOf(result.results[0]?.range?.kvs[0]);
}

/** Deletes our key; where its create revision is not known, as an attempt without an answer may have left it. */
export async function deleteMember(
  { lease, key, what }: MemberKey,
  createRevision: bigint | undefined,
): Promise<void> {
  await deleteOwn(lease, key, createRevision, { what });
}

/** Deletes our key as the last one of the round, and with it the `ready` that let the round in. */
export async function deleteLastMember(
  { lease, gathering, key, what }: MemberKey,
  createRevision: bigint,
  readyRevision: bigint,
): Promise<void> {
  const { ready } = gathering;
  const tidy: Txn = {
    compare: [{ key: ready, modRevision: readyRevision }],
    success: [{ deleteRange: { key: ready } }],
    failure: [],
  };
  const success = [{ deleteRange: { key } }, { txn: tidy }];
  const txn: Txn = { compare: [{ key, createRevision }], success, failure: [] };
  await lease.txn(txn, { what });
}
