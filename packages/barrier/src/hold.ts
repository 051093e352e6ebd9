import { CoordinationError, SessionClosedError, SessionExpiredError } from "@etcdkit/core";
import {
  closedError,
  type EtcdConnection,
  Lease,
  type Patience,
  promptly,
} from "@etcdkit/core/internal";
import { claim, claimed } from "./claim.js";
import { BarrierError } from "./errors.js";
import {
  createKey,
  type HoldKey,
  releaseKey,
  takeBack,
  unleaseKey,
  whileAlive,
  whileStanding,
} from "./hold-key.js";
import { encode, newHold, type OnHolderLost } from "./hold-value.js";

export interface Hold {
  release(): Promise<void>;
  /** Its key is gone without our doing. */
  lost(): void;
}

/** An unleased hold begins on a lease of its own, of this many seconds. */
const TRIAL_TTL = 10;

/** A hold that ends with `lease` at the latest. */
export async function holdLeased(
  connection: EtcdConnection,
  lease: Lease,
  name: string,
  onHolderLost: OnHolderLost,
): Promise<Hold> {
  const what = `barrier ${name}`;
  const reason = lease.lossReason;
  if (reason) throw reason;
  if (lease.usesKey(name) && !claimed(lease, name)) {
    const told = `${what} is already held: by a late request of this session, which is being undone`;
    throw new BarrierError("ALREADY_HELD", told);
  }
  const key = Buffer.from(name);
  const value = encode(newHold(onHolderLost, connection.random));
  const free = claim(lease, name);
  let doubt = false;
  const suspect = () => {
    doubt = true;
  };
  let held: HoldKey;
  try {
    held = await createKey(connection, lease, { key, value, what }, suspect);
    // between etcd's answer and now the process may have stood still
    if (lease.lossReason) throw lease.lossReason;
  } catch (error) {
    if (doubt) lease.ghosts.suspect(name);
    const patience = whileItMayStand(connection, lease, what);
    const cleared = doubt ? takeBack(connection, { key, value }, patience) : Promise.resolve();
    connection.background(cleared.catch(() => undefined).finally(free));
    throw error;
  }
  const over = once(() => {
    if (doubt) lease.ghosts.suspect(name);
    free();
  });
  const release = async () => {
    const patience = whileStanding(lease, promptly(connection.clock, what));
    try {
      await releaseKey(connection, { ...held, value, lease: lease.id }, patience);
    } catch (error) {
      // the key goes with its lease
      if (lease.standing) throw error;
    }
    over();
  };
  return { release: onceDone(release), lost: over };
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
  const lease = await Lease.grant(connection, { ttl: TRIAL_TTL }).catch((error) => {
    throw inOurWords(error, what);
  });
  const release = async () => {
    if (held) await releaseKey(connection, { ...held, value, lease: 0n }, patience());
  };
  try {
    held = await createKey(connection, lease, { key, value, what }, () => undefined);
    await unleaseKey(connection, held, value, whileAlive(lease, patience()));
  } catch (error) {
    // also while the connection closes: nobody else would take it away
    connection.background(release());
    throw inOurWords(error, what);
  } finally {
    await lease.close();
  }
  return { release: onceDone(release), lost: () => undefined };
}

/** As long as `lease` lives, by whatever connection; but ours, once it closes, does not wait for longer than the lease could do by itself. */
function whileItMayStand(connection: EtcdConnection, lease: Lease, what: string): Patience {
  const { clock } = connection;
  const until = clock.now() + lease.ttlMs;
  const over = () => (connection.closing && clock.now() >= until ? closedError() : undefined);
  return whileAlive(lease, { what, over });
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

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
