import { CoordinationError, SessionClosedError, SessionExpiredError } from "@etcdkit/core";
import { deleteOwn, type EtcdConnection, Lease, promptly } from "@etcdkit/core/internal";
import { BarrierError } from "./errors.js";
import { createKey, type HoldKey, releaseKey, unleaseKey, whileAlive } from "./hold-key.js";
import { encode, newHold, type OnHolderLost } from "./hold-value.js";

export interface Hold {
  release(): Promise<void>;
}

/** An unleased hold begins on a lease of its own, of this many seconds. */
const TRIAL_TTL = 10;

/** A hold that ends with `lease` at the latest. */
export async function holdLeased(
  lease: Lease,
  name: string,
  onHolderLost: OnHolderLost,
): Promise<Hold> {
  const what = `barrier ${name}`;
  const { connection } = lease;
  const reason = lease.lossReason;
  if (reason) throw reason;
  if (lease.usesKey(name)) {
    throw new BarrierError("ALREADY_HELD", `${what} is already held, by this very session`);
  }
  const key = Buffer.from(name);
  const value = encode(newHold(onHolderLost, connection.random));
  const free = lease.claimKey(name);
  let doubt = false;
  const suspect = () => {
    doubt = true;
  };
  let held: HoldKey;
  try {
    held = await createKey(lease, { key, value, what }, suspect);
    // between etcd's answer and now the process may have stood still
    if (lease.lossReason) throw lease.lossReason;
  } catch (error) {
    if (doubt) lease.ghosts.suspect(name);
    const cleared = doubt ? deleteOwn(lease, key, undefined, { what }) : Promise.resolve();
    connection.background(cleared.catch(() => undefined).finally(free));
    throw error;
  }
  const release = async () => {
    const patience = whileAlive(lease, promptly(connection.clock, what));
    try {
      await releaseKey(connection, { ...held, value, lease: lease.id }, patience);
    } catch (error) {
      // the key goes with its lease
      if (lease.alive) throw error;
    }
    if (doubt) lease.ghosts.suspect(name);
    free();
  };
  return { release: onceDone(release) };
}

/**
 * A hold that lasts until its release. An attempt to create the key that got no answer can still arrive after the key was
 * released, and nobody would ever take that one away. So the key is created with a short lease, taken off it, and the
 * lease revoked: what arrives later is refused.
 */
export async function holdUnleased(connection: EtcdConnection, name: string): Promise<Hold> {
  const what = `barrier ${name}`;
  const key = Buffer.from(name);
  const value = encode(newHold("release", connection.random));
  const patience = () => promptly(connection.clock, what);
  let held: HoldKey | undefined;
  const lease = await Lease.grant(connection, { ttl: TRIAL_TTL });
  const release = async () => {
    if (held) await releaseKey(connection, { ...held, value, lease: 0n }, patience());
  };
  try {
    held = await createKey(lease, { key, value, what }, () => undefined);
    await unleaseKey(connection, held, value, whileAlive(lease, patience()));
  } catch (error) {
    connection.background(release());
    throw inOurWords(error, what);
  } finally {
    await lease.close();
  }
  return { release: onceDone(release) };
}

/** Whoever knows nothing of the lease shall not read of a session. */
function inOurWords(error: unknown, what: string): unknown {
  if (!(error instanceof SessionExpiredError || error instanceof SessionClosedError)) return error;
  const code = error instanceof SessionClosedError ? "CONNECTION_CLOSED" : "UNAVAILABLE";
  return new CoordinationError(code, `${what}: etcd did not answer in time`, { cause: error });
}

/** Runs until it has succeeded once, never twice at a time. */
function onceDone(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work().catch((error) => {
      done = undefined;
      throw error;
    });
    return done;
  };
}
