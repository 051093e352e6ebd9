import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { Mutex } from "@etcdkit/mutex";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { openSession } from "./open-session.js";

/** One session holds; the key that is ours stands behind it already. */
async function setUp() {
  const name = `${testPrefix()}lock`;
  const keys = () => testClient().getAll().prefix(`${name}/`).keys();
  const holder = await new Mutex(await openSession(), name).lock();
  const session = await openSession();
  const { leaseId } = session;
  await testClient()
    .put(`${name}/${leaseId.toString(16)}`)
    .value("")
    .lease(`${leaseId}`);
  const member = internals(session.connection).members.current;
  return { name, keys, holder, session, member };
}

test("tryLock that finds its own key in line, and cannot learn whether it holds, leaves no key", async () => {
  const { name, keys, holder, session, member } = await setUp();
  const range = member.range.bind(member);
  const line = Buffer.from(`${name}/`);
  member.range = async (request, call) => {
    if (!request.key.equals(line)) return await range(request, call);
    throw new EtcdFailure("refused", "refused by the test");
  };
  await expect(new Mutex(session, name).tryLock()).rejects.toThrow("refused by the test");
  await expect.poll(keys).toEqual([holder.key]);
});

test("lock that finds its own key in line, and cannot learn who is ahead, leaves no key", async () => {
  const { name, keys, holder, session, member } = await setUp();
  const txn = member.txn.bind(member);
  member.txn = async (request, call) => {
    if (request.compare.length > 0) return await txn(request, call);
    throw new EtcdFailure("refused", "refused by the test");
  };
  await expect(new Mutex(session, name).lock()).rejects.toThrow("refused by the test");
  await expect.poll(keys).toEqual([holder.key]);
});
