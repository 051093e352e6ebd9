import {
  type EtcdConnection,
  EtcdFailure,
  internals,
  type KeyValue,
  type Patience,
  promptly,
} from "@etcdkit/core/internal";
import { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test, vi } from "vitest";
import { encodeEntry, readEntry } from "../src/entry.js";
import { Layout } from "../src/layout.js";
import { OwnKey } from "../src/own-key.js";
import { open } from "./connect.js";

// An attempt whose answer was lost can arrive long after: what it compares must not hold any more.

async function stage() {
  const layout = new Layout(`${testPrefix()}group`);
  const connection = internals(open());
  const lease = leaseOf(await Session.open(connection));
  const patience = promptly(connection.clock, "test");
  const me = { id: "a", incarnation: "one", what: "a" };
  const newKey = () => new OwnKey(connection, layout, me);
  const value = (n: number) => encodeEntry({ ...me, metadata: { n }, facts: {} });
  const ours = (kv: KeyValue) => readEntry("a", kv)?.incarnation === "one";
  const stored = () => testClient().get(layout.entryKey("a")).string();
  return { connection, lease, patience, newKey, value, ours, stored };
}

test("the first registration, arriving after the goodbye, brings nobody back", async () => {
  const { lease, patience, newKey, value, ours, stored } = await stage();
  const key = newKey();
  await key.put(lease, value(1), patience);
  expect(await key.leave(lease, ours, patience)).toBe(true);
  await newKey().put(lease, value(1), patience);
  expect(await stored()).toBeNull();
});

test("the first registration, arriving after an update, does not undo it", async () => {
  const { lease, patience, newKey, value, stored } = await stage();
  const key = newKey();
  await key.put(lease, value(1), patience);
  await key.put(lease, value(2), patience);
  const late = newKey();
  await late.put(lease, value(1), patience);
  expect(await stored()).toContain('"n":2');
  // and it knows what is there now
  expect(late.kv?.value.equals(value(2))).toBe(true);
});

/** Has `act` make one attempt of a transaction, which gets no answer; returns what has it arrive. */
async function unanswered(
  { members }: EtcdConnection,
  act: (patience: Patience) => Promise<unknown>,
): Promise<() => Promise<unknown>> {
  const member = members.current;
  const send = member.txn.bind(member);
  const sent = new Promise<() => Promise<unknown>>((resolve) => {
    vi.spyOn(member, "txn").mockImplementationOnce(async (...request) => {
      resolve(() => send(...request));
      throw new EtcdFailure("unavailable", "no answer");
    });
  });
  let attempts = 0;
  const over = () => (attempts++ === 0 ? undefined : new Error("once"));
  await expect(act({ what: "test", over })).rejects.toThrow("once");
  return await sent;
}

test("the first registration, arriving after one left without knowing of it, brings nobody in", async () => {
  const { connection, lease, patience, newKey, value, ours, stored } = await stage();
  const key = newKey();
  const arrive = await unanswered(connection, (once) => key.put(lease, value(1), once));
  expect(await key.leave(lease, ours, patience)).toBe(false);
  await arrive();
  expect(await stored()).toBeNull();
});

test("one that leaves takes the entry along that it does not know of", async () => {
  const { connection, lease, patience, newKey, value, ours, stored } = await stage();
  const key = newKey();
  const arrive = await unanswered(connection, (once) => key.put(lease, value(1), once));
  await arrive();
  expect(await key.leave(lease, ours, patience)).toBe(true);
  expect(await stored()).toBeNull();
});

test("a goodbye whose answer was lost has been said, and is not said again", async () => {
  const { connection, lease, patience, newKey, value, ours, stored } = await stage();
  const key = newKey();
  await key.put(lease, value(1), patience);
  const arrive = await unanswered(connection, (once) => key.leave(lease, ours, once));
  await arrive();
  expect(await key.leave(lease, ours, patience)).toBe(true);
  expect(await stored()).toBeNull();
});
