import { Mutex } from "@etcdkit/mutex";
import { keepAliveRequest } from "@etcdkit/test-support/keep-alive-request";
import { runProgram } from "@etcdkit/test-support/program";
import { eventually, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { type HolderMessage, heard, startHolder } from "./holder.js";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

const TTL = 2;
const TTL_MS = TTL * 1_000;

test("a killed holder is followed by the next one TTL to TTL + 1 s after its last renewal", async () => {
  const name = `${testPrefix()}lock`;
  const [target = ""] = sharedEtcd().endpoints;
  const sent: { at: number; bytes: Buffer }[] = [];
  await using proxy = await startProxy({
    target,
    onData: (bytes, direction) => {
      if (direction === "up") sent.push({ at: performance.now(), bytes });
    },
  });
  const { program, leaseId, fencingToken } = await startHolder({
    hosts: [proxy.endpoint],
    name,
    ttl: TTL,
  });
  // the renewals, seen from outside: etcd counts the TTL from when it gets one
  const request = keepAliveRequest(leaseId);
  const renewals = () => sent.filter(({ bytes }) => bytes.includes(request));
  const waiting = new Mutex(await openSession({ ttl: 10 }), name).lock();
  await eventually(() => renewals().length >= 2, { what: "two renewals" });

  program.process.kill("SIGKILL");
  await program.ended;
  const lastRenewal = renewals().at(-1)?.at ?? 0;
  const next = await waiting;
  const afterMs = performance.now() - lastRenewal;
  expect(next.held).toBe(true);
  expect(next.fencingToken).toBeGreaterThan(fencingToken);
  // etcd sweeps expired leases each 500 ms; never before their time
  expect(afterMs).toBeGreaterThan(TTL_MS - 10);
  expect(afterMs).toBeLessThan(TTL_MS + 1_000);
});

test("a frozen holder knows at its first look that it has lost, and its guarded write is refused", async () => {
  const name = `${testPrefix()}lock`;
  const hosts = sharedEtcd().endpoints;
  const { program, fencingToken } = await startHolder({ hosts, name, ttl: TTL });
  const waiting = new Mutex(await openSession({ ttl: 10 }), name).lock();

  program.process.kill("SIGUSR2");
  await heard(program, "ready to freeze");
  program.process.kill("SIGSTOP");
  const next = await waiting;
  expect(next.fencingToken).toBeGreaterThan(fencingToken);
  expect(program.messages.map(({ what }) => what)).toEqual(["holding", "ready to freeze"]);

  program.process.kill("SIGCONT");
  const look = await heard(program, "first look");
  expect(look).toMatchObject({ held: false, aborted: true, reason: "SessionExpiredError" });
  expect(await heard(program, "guard")).toMatchObject({ threw: "SessionExpiredError" });
  // a guard from before the freeze is etcd's to refuse
  expect(await heard(program, "early guard")).toMatchObject({ succeeded: false });
  expect(await testClient().get(`${name}-written`).string()).toBeNull();
  expect(next.held).toBe(true);
});

test("a frozen waiter whose turn came and went does not believe that it is its turn", async () => {
  const name = `${testPrefix()}lock`;
  const hosts = sharedEtcd().endpoints;
  const [session, other] = [await openSession({ ttl: 10 }), await openSession({ ttl: 10 })];
  const holder = await new Mutex(session, name).lock();
  const program = runProgram<HolderMessage>(new URL("programs/holder.ts", import.meta.url), {
    hosts,
    name,
    ttl: TTL,
  });
  const [, frozen] = await inLine(new Mutex(session, name), 2);
  const behind = new Mutex(other, name).lock();
  await inLine(new Mutex(session, name), 3);

  program.process.kill("SIGSTOP");
  await holder.release();
  const [first] = await new Mutex(session, name).contenders();
  expect(first?.key).toBe(frozen?.key);
  const lock = await behind;
  program.process.kill("SIGCONT");
  // the rejection of its `lock` ends it
  expect(await program.ended).toBe(1);
  expect(program.stderr()).toContain("SessionExpiredError");
  expect(program.messages).toEqual([]);
  expect(lock.held).toBe(true);
});
