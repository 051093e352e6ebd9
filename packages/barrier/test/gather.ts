import { DoubleBarrier, type Session } from "@etcdkit/barrier";
import { eventually } from "@etcdkit/testing";
import { expect } from "vitest";
import { etcdClient } from "./file-etcd.js";
import { openSession } from "./open.js";
import { all, type Outcome, outcomeOf } from "./outcome.js";

/** The keys of the members that are there, in order. */
export async function membersOf(name: string): Promise<string[]> {
  return await etcdClient().getAll().prefix(`${name}/waiters/`).sort("Create", "Ascend").keys();
}

/** Resolves once that many are there. */
export async function present(name: string, count: number, withinMs = 20_000): Promise<string[]> {
  let keys: string[] = [];
  await eventually(
    async () => {
      keys = await membersOf(name);
      return keys.length === count;
    },
    { what: `${count} members of ${name}`, withinMs },
  );
  return keys;
}

/** Ends the leases of these members, as etcd does some time after they have died. */
export async function endLeases(keys: readonly string[]): Promise<void> {
  const { leaseClient } = etcdClient();
  const ids = keys.map((key) => BigInt(`0x${key.split("/").at(-1)}`));
  await Promise.all(ids.map((id) => leaseClient.leaseRevoke({ ID: `${id}` })));
}

export interface OneMember {
  readonly session: Session;
  readonly double: DoubleBarrier;
}

/** A member with a session and connection of its own. */
export async function openMember(
  name: string,
  count: number,
  options: Parameters<typeof openSession>[0] = {},
): Promise<OneMember> {
  const session = await openSession(options);
  return { session, double: new DoubleBarrier(session, name, { count }) };
}

/** A member that has come, and whose session was orphaned before it was in. Resolves with the lease, by which its key stays. */
export async function formerMember(name: string, count: number): Promise<bigint> {
  const { double, session } = await openMember(name, count, { ttl: 20 });
  const lost = outcomeOf(double.enter());
  await present(name, 1);
  session.orphan();
  expect(await lost.settled).toMatchObject({ code: "SESSION_CLOSED" });
  return session.leaseId;
}

/** Resolves with all outcomes. */
export async function settled(outcomes: readonly Outcome[]): Promise<unknown[]> {
  await Promise.all(outcomes.map((outcome) => outcome.settled));
  return all(outcomes);
}
