import type { Lease } from "@etcdkit/core/internal";
import type { Simulation } from "../simulation.js";
import { believed } from "./belief.js";
import type { Operator } from "./operator.js";
import type { Violations } from "./violations.js";

/** A third of the TTL until the next renewal, and what that takes. */
const RENEWAL_MS = 2_000;

/** A session is lost at its client before etcd may expire its lease. Looked at where the client could look. */
export function checkSessions(world: Simulation, operator: Operator, violations: Violations): void {
  const { now } = world.schedule;
  for (const { process, connection } of world.clients) {
    if (!process.awake) continue;
    for (const lease of connection.leases) {
      const expiresAt = world.cluster.etcd.leases.expiresAt(lease.id);
      if (expiresAt !== undefined && expiresAt > now) continue;
      if (!believed(lease)) continue;
      if (operator.touchedLease(lease.id)) {
        if (now < process.awakeSince + RENEWAL_MS || !overdue(lease, operator, now)) continue;
        violations.add(`${process.name} was not told that its lease was revoked`);
        continue;
      }
      const what = expiresAt === undefined ? "is gone in etcd" : "has run out in etcd";
      violations.add(`${process.name} relies on a lease that ${what}: ${lease.id.toString(16)}`);
    }
  }
}

/** A session that was closed before its time was over has left no key. */
export function checkClosed(world: Simulation, lease: Lease, violations: Violations): void {
  // at its end `close()` gives up, and leaves the rest to etcd
  if (lease.connection.clock.now() >= lease.deadline.at) return;
  const { keys } = world.cluster.etcd.timeToLive(lease.id);
  for (const key of keys) violations.add(`a key is left of a closed session: ${key}`);
}

function overdue(lease: Lease, operator: Operator, now: number): boolean {
  const tellable = operator.tellableLease(lease.id);
  return tellable !== undefined && now > tellable + lease.ttlMs / 3 + RENEWAL_MS;
}
