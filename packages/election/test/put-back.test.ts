import { connect, Election, Session } from "@etcdkit/election";
import { putBack, startWithHistory } from "@etcdkit/test-support/put-back";
import { eventually } from "@etcdkit/testing";
import { expect, onTestFinished, test } from "vitest";

test("an observer, who asks for nothing, goes on with the leader there is when etcd came back empty", async () => {
  const server = await startWithHistory();
  const etcd = connect({ hosts: server.endpoints });
  onTestFinished(() => etcd.close());
  const campaign = async (value: string) => {
    const own = connect({ hosts: server.endpoints });
    onTestFinished(() => own.close());
    await new Election(await Session.open(own, { ttl: 5 }), "put-back").campaign(value);
  };
  await campaign("old");
  const seen: unknown[] = [];
  const stop = new AbortController();
  const leaders = Election.observer(etcd, "put-back").observe({ signal: stop.signal });
  const observing = (async () => {
    for await (const leader of leaders) seen.push(leader?.value.toString());
  })();
  await eventually(() => seen.length === 1);
  await putBack(server);
  await campaign("new");
  await eventually(() => seen.at(-1) === "new", { withinMs: 8_000, what: `new after ${seen}` });
  stop.abort();
  await observing;
  expect(seen.filter((value) => value !== undefined)).toEqual(["old", "new"]);
});
