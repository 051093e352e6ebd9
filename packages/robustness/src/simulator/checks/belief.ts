import type { Lease } from "@etcdkit/core/internal";

/**
 * Whether whoever asked the lease now would be told that it can be relied on. To ask it is to change it, since it notes what it
 * sees of the clock, and at every step that would find the loss for the library: so this only looks at what the answer is made of.
 */
export function believed(lease: Lease): boolean {
  return !lease.signal.aborted && lease.connection.clock.now() < lease.deadline.at;
}
