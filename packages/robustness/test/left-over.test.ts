import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ClientSlots } from "../src/faults/client-slots.js";
import { Janitor } from "../src/faults/janitor.js";
import { residue } from "../src/validate/residue.js";

// What no history would tell: who waits for ever, who ended by itself, and what is left behind.

let folder: string;
let prefix: string;
let janitor: Janitor;
let pids: number[];
let slots: ClientSlots;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "left-over-"));
  prefix = testPrefix();
  janitor = new Janitor();
  pids = [];
  vi.spyOn(janitor, "process").mockImplementation((pid) => void pids.push(pid));
  const common = { clients: 2, prefix, ttl: 3, hosts: sharedEtcd().endpoints };
  slots = new ClientSlots(common, { seed: "1", folder, janitor });
});

afterEach(async () => {
  await slots.kill();
  janitor.dismiss();
  await rm(folder, { recursive: true });
});

test("a client that waits for what never comes is told with it, and one that ended by itself too", {
  timeout: 60_000,
}, async () => {
  const client = testClient();
  // of nobody, and without a lease: it stands in the line of the counters for ever
  const line = `${prefix}mutex/counters/`;
  await client.put(`${line}nobody`).value("");
  await slots.start();
  await eventually(async () => (await client.getAll().prefix(line).count()) === 3);
  expect(slots.failed).toEqual([]);
  const [, second = 0] = pids;
  process.kill(second, "SIGKILL");
  await eventually(() => slots.failed.length > 0);
  expect(slots.failed).toEqual([expect.stringMatching(/^client-2\.1 ended by itself/)]);
  const stuck = await slots.stop(4_000);
  expect(stuck).toContain(`client-1.1: mutex lock ${prefix}mutex/counters`);
  expect(stuck.filter((told) => told.startsWith("client-2"))).toEqual([]);
});

test("clients that get what they wait for end in time, and have not failed", {
  timeout: 60_000,
}, async () => {
  await slots.start();
  await eventually(async () => (await testClient().getAll().prefix(prefix).count()) > 0);
  expect(await slots.stop(30_000)).toEqual([]);
  expect(slots.failed).toEqual([]);
});

test("a key that is left of a lock is told, and what is meant to stay is not", async () => {
  const client = testClient();
  const stays = ["counter/fenced", "register/a", "rounds/1/ready"];
  for (const key of [...stays, "mutex/a/1f"]) await client.put(`${prefix}${key}`).value("");
  expect(await residue(client, prefix, 300)).toEqual([`${prefix}mutex/a/1f`]);
  await client.delete().key(`${prefix}mutex/a/1f`);
  expect(await residue(client, prefix, 300)).toEqual([]);
});
