import type { SimulatedClient } from "../client.js";
import type { Simulation } from "../simulation.js";
import { believed } from "./belief.js";
import type { Operator } from "./operator.js";
import type { Violations } from "./violations.js";

/** A session is lost at its client before etcd may expire its lease. Looked at where the client could look. */
export function checkSessions(world: Simulation, operator: Operator, violations: Violations): void {
  for (const client of world.clients) {
    if (!client.process.awake) continue;
    for (const lease of client.connection.leases) {
      const expiresAt = world.cluster.etcd.leases.expiresAt(lease.id);
      if (expiresAt !== undefined && expiresAt > world.schedule.now) continue;
      if (!believed(lease) || operator.touchedLease(lease.id)) continue;
      const what = expiresAt === undefined ? "is gone in etcd" : "has run out in etcd";
      violations.add(`${nameOf(client)} relies on a lease that ${what}: ${lease.id.toString(16)}`);
    }
  }
}

function nameOf({ process }: SimulatedClient): string {
  return process.name;
}
