import { internals, promptly } from "@etcdkit/core/internal";
import { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
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
  const stored = () => testClient().get(layout.entryKey("a")).string();
  return { lease, patience, newKey, value, stored };
}

test("the first registration, arriving after the goodbye, brings nobody back", async () => {
  const { lease, patience, newKey, value, stored } = await stage();
  const key = newKey();
  await key.put(lease, value(1), patience);
  const ours = (kv: Parameters<typeof readEntry>[1]) => readEntry("a", kv)?.incarnation === "one";
  expect(await key.leave(lease, ours, patience)).toBe(true);
  await newKey().put(lease, value(1), patience);
  expect(await stored()).toBeNull();
  // asked again, having lost the answer, it has been said
  expect(await key.leave(lease, ours, patience)).toBe(true);
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
