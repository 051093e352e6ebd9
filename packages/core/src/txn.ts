import { CoordinationError } from "./errors.js";
import type { KeyRange, KeyValue, OpResult, Txn } from "./etcd.js";
import type { Lease } from "./lease.js";

/**
 * The guarded writes. Each may be sent again when its reply was lost: create my key if it is absent, delete my key if its
 * create revision is mine.
 */

export interface Enrolment {
  /** Of our key: our place in line, and the fencing token if it wins. */
  createRevision: bigint;
  /** Our key as it was found; undefined where it was made just now. */
  found: KeyValue | undefined;
  /** How many of those that may stand before us are older than our key; more than that where our key was found. */
  ahead: number;
}

export interface Enrol {
  key: Buffer;
  value: Buffer;
  /** Where those are who may stand before us. */
  blockers: KeyRange[];
  what: string;
  /** Of the line: see `Txn.scope`. */
  scope: string;
  signal?: AbortSignal | undefined;
  /** Our key may be there, or may come yet: an attempt ended without an answer, or a former life left it. */
  unanswered(): void;
}

/**
 * Creates our key with our lease, or finds it as an attempt without an answer, or a former life on this lease, left it; and looks
 * whom of `blockers` it stands behind.
 */
export async function enrol(lease: Lease, request: Enrol): Promise<Enrolment> {
  const { key, value, blockers, scope } = request;
  const txn: Txn = {
    scope,
    compare: [{ key, createRevision: 0n }],
    // counted before ours is there, and whoever is there before is older
    success: [
      ...blockers.map((range) => ({ range: { ...range, countOnly: true } })),
      { put: { key, value, lease: lease.id } },
    ],
    failure: [],
  };
  const { succeeded, revision, results } = await lease.txn(txn, request);
  if (succeeded) return { createRevision: revision, found: undefined, ahead: countOf(results) };
  request.unanswered();
  return (await findEnrolled(lease, request)) ?? enrol(lease, request);
}

/** Undefined: the key that was there is gone again. */
async function findEnrolled(lease: Lease, request: Enrol): Promise<Enrolment | undefined> {
  const { key, blockers, what, scope } = request;
  const sort = { by: "create", order: "ascend" } as const;
  const oldest = blockers.map((range) => ({
    range: { ...range, limit: 1, keysOnly: true, sort },
  }));
  const txn: Txn = { scope, compare: [], success: [{ range: { key } }, ...oldest], failure: [] };
  const { results } = await lease.txn(txn, request);
  const [own, ...ranges] = results;
  if (!own?.range?.kvs[0]) return undefined;
  const found = ownKey(own.range.kvs[0], lease, what);
  const { createRevision } = found;
  const older = ({ createRevision: theirs }: KeyValue) => theirs < createRevision;
  const anybody = ranges.some(({ range }) => range?.kvs.some(older));
  return { createRevision, found, ahead: anybody ? countOf(ranges) : 0 };
}

function countOf(results: OpResult[]): number {
  return results.reduce((total, { range }) => total + (range?.count ?? 0), 0);
}

/** As `enrol`, but creates nothing where any of `blockers` has a key; undefined then, unless our own key is found. */
export async function enrolIfFree(
  lease: Lease,
  request: Enrol,
): Promise<Pick<Enrolment, "createRevision" | "found"> | undefined> {
  const { key, value, blockers, what, scope } = request;
  const txn: Txn = {
    scope,
    // over a range, "create revision is 0" holds only where the range is empty
    compare: [...blockers, { key }].map((range) => ({ ...range, createRevision: 0n })),
    success: [{ put: { key, value, lease: lease.id } }],
    failure: [{ range: { key } }],
  };
  const { succeeded, revision, results } = await lease.txn(txn, request);
  if (succeeded) return { createRevision: revision, found: undefined };
  const own = results[0]?.range?.kvs[0];
  if (!own) return undefined;
  const found = ownKey(own, lease, what);
  request.unanswered();
  return { createRevision: found.createRevision, found };
}

/**
 * Overwrites our key if it still is the one of `createRevision`, and nobody has written it since `modRevision`: an attempt without
 * an answer that arrives late must not undo a newer write. Resolves with the new mod revision, or undefined: not ours any more.
 */
export async function putOwn(
  lease: Lease,
  own: { key: Buffer; createRevision: bigint; modRevision: bigint },
  value: Buffer,
  { what, scope }: { what: string; scope?: string },
): Promise<bigint | undefined> {
  const { key, createRevision } = own;
  for (let { modRevision } = own; ; ) {
    const txn: Txn = {
      ...(scope !== undefined && { scope }),
      compare: [
        { key, createRevision },
        { key, modRevision },
      ],
      success: [{ put: { key, value, lease: lease.id } }],
      failure: [{ range: { key } }],
    };
    const result = await lease.txn(txn, { what });
    if (result.succeeded) return result.revision;
    const now = result.results[0]?.range?.kvs[0];
    if (now?.createRevision !== createRevision) return undefined;
    // written by our own attempt without an answer, or else by a stranger, over whom the owner goes on; also where only the lease
    // is another's, or none: the key would outlive us
    if (now.value.equals(value) && now.lease === lease.id) return now.modRevision;
    modRevision = now.modRevision;
  }
}

/**
 * Puts `to` in the place of our key `from`, in one revision, unless a key is in one of `blockers`. Resolves with the create
 * revision of `to`; with "kept" where our key stays as it was, with "gone" where it is not ours any more.
 */
export async function replaceOwn(
  lease: Lease,
  from: { key: Buffer; createRevision: bigint },
  request: Enrol,
): Promise<bigint | "kept" | "gone"> {
  const { key, value, blockers, scope } = request;
  const absent = [...blockers, { key }].map((range) => ({ ...range, createRevision: 0n }));
  const txn: Txn = {
    scope,
    compare: [from, ...absent],
    success: [{ put: { key, value, lease: lease.id } }, { deleteRange: { key: from.key } }],
    failure: [{ range: { key: from.key } }, { range: { key } }],
  };
  let doubt = false;
  const unanswered = () => {
    doubt = true;
    request.unanswered();
  };
  const { succeeded, revision, results } = await lease.txn(txn, { ...request, unanswered });
  if (succeeded) return revision;
  const [old, made] = results.map(({ range }) => range?.kvs[0]);
  if (old?.createRevision === from.createRevision) return "kept";
  // made by our own attempt without an answer; where each was answered, a late request of an earlier call has left it
  return doubt && made?.lease === lease.id ? made.createRevision : "gone";
}

/** Deletes our key if it still is the one of `createRevision`; where that is not known, the one that has our lease now. */
export function deleteOwn(
  lease: Lease,
  key: Buffer,
  createRevision: bigint | undefined,
  about: { what: string; scope?: string },
): Promise<unknown> {
  if (createRevision === undefined) return deleteFound(lease, key, about);
  const { scope } = about;
  const txn: Txn = {
    ...(scope !== undefined && { scope }),
    compare: [{ key, createRevision }],
    success: [{ deleteRange: { key } }],
    failure: [],
  };
  return lease.undo((etcd, call) => etcd.txn(txn, call), about);
}

/** It is looked for, and never deleted by its lease: an attempt that arrives late would take a newer key of the same name along. */
async function deleteFound(
  lease: Lease,
  key: Buffer,
  about: { what: string; scope?: string },
): Promise<void> {
  const request = { key, keysOnly: true };
  const { kvs } = await lease.undo((etcd, call) => etcd.range(request, call), about);
  const [own] = kvs;
  if (own?.lease === lease.id) await deleteOwn(lease, key, own.createRevision, about);
}

function ownKey(own: KeyValue, lease: Lease, what: string): KeyValue {
  if (own.lease === lease.id) return own;
  throw new CoordinationError(
    "KEY_TAKEN",
    `${what}: the key that should be ours, ${own.key}, belongs to another lease`,
  );
}
