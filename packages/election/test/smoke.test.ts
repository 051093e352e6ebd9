import { Election, NotLeaderError, SessionClosedError } from "@etcdkit/election";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { observing } from "./observing.js";
import { openSession } from "./open-session.js";

// Run on every supported etcd: what a version could do otherwise.

async function keysUnder(prefix: string): Promise<string[]> {
  return await testClient().getAll().prefix(prefix).keys();
}

test("the first campaigner leads; the next one does when it resigns", async () => {
  const name = `${testPrefix()}election`;
  const [s1, s2] = [await openSession(), await openSession()];
  const [e1, e2] = [new Election(s1, name), new Election(s2, name)];
  expect(await e1.leader()).toBeUndefined();
  const first = await e1.campaign("one");
  expect(first.held).toBe(true);
  expect(`${first.value}`).toBe("one");
  expect(first.key).toBe(`${name}/${s1.leaseId.toString(16)}`);
  const second = e2.campaign(Buffer.from("two"));
  const line = await inLine(e1, 2);
  expect(line.map(({ value }) => `${value}`)).toEqual(["one", "two"]);
  expect(line.map(({ leaseId }) => leaseId)).toEqual([s1.leaseId, s2.leaseId]);
  const { key, fencingToken } = first;
  const value = Buffer.from("one");
  expect(await e2.leader()).toEqual({ key, fencingToken, leaseId: s1.leaseId, value });
  await first.resign();
  const next = await second;
  expect(first.held).toBe(false);
  expect(first.signal.aborted).toBe(false);
  expect(next.fencingToken).toBeGreaterThan(fencingToken);
  expect((await e1.leader())?.key).toBe(next.key);
  await next.resign();
  await next.resign();
  expect(await keysUnder(name)).toEqual([]);
});

test("the leader proclaims, and all see it; afterwards it may not", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("one");
  await leadership.proclaim("two");
  expect(`${leadership.value}`).toBe("two");
  const line = await inLine(election, 1);
  expect(line[0]).toMatchObject({ fencingToken: leadership.fencingToken });
  expect(`${line[0]?.value}`).toBe("two");
  await leadership.resign();
  await expect(leadership.proclaim("three")).rejects.toBeInstanceOf(NotLeaderError);
  await expect(leadership.proclaim("three")).rejects.toMatchObject({ code: "NOT_LEADER" });
  expect(await keysUnder(name)).toEqual([]);
});

test("to campaign again with another value is to proclaim it", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const leadership = await new Election(session, name).campaign("one");
  expect(await new Election(session, name).campaign("two")).toBe(leadership);
  const [leader] = await inLine(new Election(session, name), 1);
  expect(`${leader?.value}`).toBe("two");
  expect(leader?.fencingToken).toBe(leadership.fencingToken);
});

test("an observer needs no session, and sees each change", async () => {
  const name = `${testPrefix()}election`;
  const { connection } = await openSession();
  const observer = Election.observer(connection, name);
  const { sees, values, end } = observing(observer);
  await sees(1);
  const first = await new Election(await openSession(), name).campaign("one");
  await sees(2);
  const second = new Election(await openSession(), name).campaign("two");
  await inLine(observer, 2);
  await first.proclaim("one again");
  await first.resign();
  await (await second).resign();
  await sees(5);
  expect(values()).toEqual(["-", "one", "one again", "two", "-"]);
  await end();
});

test("closing the session ends a campaign, and its key is gone", async () => {
  const name = `${testPrefix()}election`;
  const [leading, waiting] = [await openSession(), await openSession()];
  const leadership = await new Election(leading, name).campaign("one");
  const outcome = expect(new Election(waiting, name).campaign("two")).rejects.toBeInstanceOf(
    SessionClosedError,
  );
  await inLine(new Election(leading, name), 2);
  await waiting.close();
  await outcome;
  expect(await keysUnder(name)).toEqual([leadership.key]);
});

test("an election is not disturbed by keys that only begin like it", async () => {
  const name = `${testPrefix()}test`;
  const client = testClient();
  await client.put(`${name}a`).value("beside");
  await client.put(`${name}a/1f`).value("another election");
  const election = new Election(await openSession(), name);
  expect(await election.leader()).toBeUndefined();
  const leadership = await election.campaign("one");
  expect(await election.contenders()).toHaveLength(1);
  const beside = await new Election(await openSession(), `${name}/of/another`).contenders();
  expect(beside).toEqual([]);
  await leadership.resign();
  expect(await keysUnder(name)).toEqual([`${name}a`, `${name}a/1f`]);
});

test("await using resigns", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  {
    await using leadership = await election.campaign("one");
    expect(await keysUnder(name)).toEqual([leadership.key]);
  }
  expect(await keysUnder(name)).toEqual([]);
});
