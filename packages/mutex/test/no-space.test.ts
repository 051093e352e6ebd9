import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { connect, Mutex, Session } from "@etcdkit/mutex";
import { startEtcd } from "@etcdkit/testing";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { openSession } from "./open-session.js";

// What goes beyond etcd's quota may be carried out and refused all the same.

const refusal = "database space exceeded";

test("of locks that fill the last of etcd's space, none that is refused leaves a key", async () => {
  const quota = ["--quota-backend-bytes", `${3 << 20}`, "--backend-batch-limit", "1"];
  const etcd = await startEtcd({ own: true, args: quota });
  onTestFinished(() => etcd.stop());
  // etcd does not count what travels in company
  const connection = connect({ hosts: etcd.endpoints, groupCommit: false });
  onTestFinished(() => connection.close());
  const session = await Session.open(connection, { ttl: 60 });
  const value = Buffer.alloc(100_000, 1);
  const names = Array.from({ length: 60 }, (_, n) => `no-space/${n}`);
  const asked = names.map((name) => new Mutex(session, name).lock({ value }));
  const locks = (await Promise.allSettled(asked)).flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [outcome.value];
    expect(outcome.reason).toMatchObject({ code: "REFUSED" });
    expect(outcome.reason.message).toContain(refusal);
    return [];
  });
  expect(locks.length).toBeLessThan(names.length);
  const keys = () => etcd.client().getAll().prefix("no-space/").keys();
  await expect.poll(async () => (await keys()).sort()).toEqual(locks.map(({ key }) => key).sort());
});

test.each(["lock", "tryLock"] as const)(
  "%s that is refused but carried out leaves no key",
  async (verb) => {
    const name = `${testPrefix()}lock`;
    const session = await openSession();
    const member = internals(session.connection).members.current;
    const txn = member.txn.bind(member);
    member.txn = async (request, call) => {
      const result = await txn(request, call);
      if (!request.success.some((op) => "put" in op)) return result;
      throw new EtcdFailure("refused", refusal);
    };
    await expect(new Mutex(session, name)[verb]()).rejects.toThrow(refusal);
    const keys = () => testClient().getAll().prefix(`${name}/`).keys();
    await expect.poll(keys).toEqual([]);
  },
);
