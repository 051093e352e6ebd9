import { Election } from "@etcdkit/election";
import { etcdctl, startEtcdctl } from "@etcdkit/test-support/etcdctl";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { observing } from "./observing.js";
import { openSession } from "./open-session.js";

test("our key is Go's, byte for byte, with the proposal as its value", async () => {
  const name = `${testPrefix()}Wahl/in/Köln`;
  const session = await openSession();
  const election = new Election(session, name);
  const theirs = await startEtcdctl("elect", name, "their proposal");
  const [theirKey] = await theirs.says(2);
  const ours = election.campaign("our proposal");
  const line = await inLine(election, 2);
  // what Go makes of a lease, and what we make of ours
  for (const { key, leaseId } of line) expect(key).toBe(`${name}/${leaseId.toString(16)}`);
  expect(line.map(({ key }) => key)).toEqual([theirKey, `${name}/${session.leaseId.toString(16)}`]);
  expect(line.map(({ value }) => `${value}`)).toEqual(["their proposal", "our proposal"]);
  await theirs.end();
  await ours;
});

test("etcdctl leads, and we see it and wait; it ends, and we lead", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const { sees, values } = observing(election);
  await sees(1);
  const theirs = await startEtcdctl("elect", name, "theirs");
  const [key] = await theirs.says(2);
  expect(await election.leader()).toMatchObject({ key, value: Buffer.from("theirs") });
  const waiting = election.campaign("ours");
  const [first, second] = await inLine(election, 2);
  await theirs.end();
  const leadership = await waiting;
  expect(leadership.key).toBe(second?.key);
  expect(leadership.fencingToken).toBeGreaterThan(first?.fencingToken ?? 0n);
  await sees(3);
  expect(values()).toEqual(["-", "theirs", "ours"]);
});

test("we lead, and etcdctl waits; we resign, and it leads", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const { sees, values } = observing(election);
  await sees(1);
  const leadership = await election.campaign("ours");
  const theirs = await startEtcdctl("elect", name, "theirs");
  const [, second] = await inLine(election, 2);
  await leadership.proclaim("ours again");
  expect(theirs.lines()).toEqual([]);
  await leadership.resign();
  expect(await theirs.says(2)).toEqual([second?.key, "theirs"]);
  await theirs.end();
  await sees(5);
  expect(values()).toEqual(["-", "ours", "ours again", "theirs", "-"]);
});

test("etcdctl elect -l sees our leader, our proclamations and our successor", async () => {
  const name = `${testPrefix()}election`;
  const [e1, e2] = [
    new Election(await openSession(), name),
    new Election(await openSession(), name),
  ];
  const first = await e1.campaign("one");
  const theirs = await startEtcdctl("elect", "-l", name);
  expect(await theirs.says(2)).toEqual([first.key, "one"]);
  await first.proclaim("one again");
  await theirs.says(4);
  const waiting = e2.campaign("two");
  await inLine(e1, 2);
  await first.resign();
  const second = await waiting;
  const lines = [first.key, "one", first.key, "one again", second.key, "two"];
  expect(await theirs.says(6)).toEqual(lines);
});

test("an operator who deletes the leader's key deposes it, and the next one leads", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("one");
  const theirs = await startEtcdctl("elect", name, "theirs");
  await inLine(election, 2);
  await etcdctl("del", leadership.key);
  const [key] = await theirs.says(2);
  expect((await election.leader())?.key).toBe(key);
  await expect(leadership.proclaim("two")).rejects.toMatchObject({ code: "NOT_LEADER" });
});

test("an election named test beside a key testa, and names with slashes", async () => {
  const prefix = testPrefix();
  const session = await openSession();
  await etcdctl("put", `${prefix}testa`, "beside");
  const names = ["test", "testa", "tes", "of/many/parts", "of/many/part", "//"];
  const leaderships = [];
  for (const name of names) {
    leaderships.push(await new Election(session, prefix + name).campaign(name));
  }
  for (const [index, name] of names.entries()) {
    const contenders = await new Election(session, prefix + name).contenders();
    expect(contenders.map(({ value }) => `${value}`)).toEqual([name]);
    expect(leaderships[index]?.held).toBe(true);
  }
  const theirs = await startEtcdctl("elect", "-l", `${prefix}test`);
  expect(await theirs.says(2)).toEqual([leaderships[0]?.key, "test"]);
  expect(await etcdctl("get", `${prefix}testa`)).toContain("beside");
});
