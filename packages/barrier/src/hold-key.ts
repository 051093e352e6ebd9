import { CoordinationError, KeyDeletedError } from "@etcdkit/core";
import {
  type EtcdConnection,
  EtcdFailure,
  type KeyValue,
  type Lease,
  type Patience,
  promptly,
  type Txn,
} from "@etcdkit/core/internal";
import { BarrierError } from "./errors.js";
import { decode, encode, failsWaiters } from "./hold-value.js";

/**
 * The writes of a barrier's key (etcd, client/v3/experimental/recipes/barrier.go: created once, deleted by the release). Each
 * may be sent again when its reply was lost.
 */

export interface HoldKey {
  readonly key: Buffer;
  readonly createRevision: bigint;
}

/** Creates the key with this lease, of whatever connection, or finds it as an attempt without an answer left it. */
export async function createKey(
  connection: EtcdConnection,
  lease: Lease,
  { key, value, what }: { key: Buffer; value: Buffer; what: string },
  unanswered: () => void,
): Promise<HoldKey> {
  const txn: Txn = {
    compare: [{ key, createRevision: 0n }],
    success: [{ put: { key, value, lease: lease.id } }],
    failure: [{ range: { key } }],
  };
  const patience = { ...whileAlive(lease, promptly(connection.clock, what)), unanswered };
  const sent = send(connection, txn, patience).catch(async (error) => {
    throw leaseGone(error) ? await reasonOf(error, connection, lease, what) : error;
  });
  const { succeeded, revision, results } = await sent;
  if (succeeded) return { key, createRevision: revision };
  const found = results[0]?.range?.kvs[0];
  if (found?.value.equals(value)) return { key, createRevision: found.createRevision };
  throw new BarrierError("ALREADY_HELD", `${what} is already held`);
}

/** Why etcd does not know the lease. */
async function reasonOf(
  cause: unknown,
  connection: EtcdConnection,
  lease: Lease,
  what: string,
): Promise<Error> {
  if (lease.connection === connection) lease.gone();
  else await lease.confirm();
  const told = `${what}: its etcd does not know the session, which seems to be of another etcd`;
  return lease.lossReason ?? new CoordinationError("REFUSED", told, { cause });
}

/** Takes the key off the lease it was created with, so that it outlives it. Rejects where the key is gone by then. */
export async function unleaseKey(
  connection: EtcdConnection,
  { key, createRevision }: HoldKey,
  value: Buffer,
  patience: Patience,
): Promise<void> {
  const txn: Txn = {
    compare: [{ key, createRevision }],
    success: [{ put: { key, value } }],
    failure: [],
  };
  const { succeeded } = await send(connection, txn, patience);
  if (succeeded) return;
  const told = `${patience.what}: our key was deleted by another before hold() was done`;
  throw new KeyDeletedError(told);
}

/** Deletes the key if it still is this one; where its end would be taken for a death, it is marked as a release before. */
export async function releaseKey(
  connection: EtcdConnection,
  held: Pick<KeyValue, "key" | "createRevision" | "value" | "lease">,
  patience: Patience,
): Promise<void> {
  const { key, createRevision, value, lease } = held;
  const compare = [{ key, createRevision }];
  const hold = decode(value);
  if (hold && failsWaiters(value)) {
    const marked = encode({ ...hold, released: true });
    const txn = { compare, success: [{ put: { key, value: marked, lease } }], failure: [] };
    try {
      await send(connection, txn, patience);
    } catch (error) {
      // the key went with its lease
      if (leaseGone(error)) return;
      throw error;
    }
  }
  await send(connection, { compare, success: [{ deleteRange: { key } }], failure: [] }, patience);
}

/** Deletes what an attempt without an answer may have made: the value tells it from every other hold. */
export async function takeBack(
  connection: EtcdConnection,
  { key, value }: { key: Buffer; value: Buffer },
  patience: Patience,
): Promise<void> {
  const { kvs } = await connection.call((etcd, call) => etcd.range({ key }, call), patience);
  const [found] = kvs;
  if (!found?.value.equals(value)) return;
  const compare = [{ key, createRevision: found.createRevision }];
  await send(connection, { compare, success: [{ deleteRange: { key } }], failure: [] }, patience);
}

/** `patience` that ends with the lease too. */
export function whileAlive(lease: Lease, patience: Patience): Patience {
  return { ...patience, over: (last) => lease.lossReason ?? patience.over?.(last) };
}

/** `patience` that ends once etcd has no keys of `lease` any more, which a session that is orphaned leaves there. */
export function whileStanding(lease: Lease, patience: Patience): Patience {
  const over: Patience["over"] = (last) =>
    (lease.standing ? undefined : lease.lossReason) ?? patience.over?.(last);
  return { ...patience, over };
}

function leaseGone(error: unknown): boolean {
  return error instanceof EtcdFailure && error.kind === "lease-not-found";
}

function send(connection: EtcdConnection, txn: Txn, patience: Patience) {
  return connection.call((etcd, call) => etcd.txn(txn, call), patience);
}
