import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect, Mutex, Session } from "@etcdkit/mutex";
import { sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { countOnce } from "./count-once.js";

const PROGRAM = fileURLToPath(new URL("programs/thinker.ts", import.meta.url));
const execArgv = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx")];

test("a process that was frozen past its TTL undoes updates by a write without a look, and by a guarded one none", async () => {
  const name = `${testPrefix()}counter`;
  const { endpoints: hosts } = sharedEtcd();
  const options = JSON.stringify({ hosts, name, ttl: 2 });
  const frozen = fork(PROGRAM, [options], { execArgv });
  onTestFinished(() => void frozen.kill("SIGKILL"));
  expect(await once(frozen, "message")).toContain("thinking");
  frozen.kill("SIGSTOP");

  const etcd = connect({ hosts });
  onTestFinished(() => etcd.close());
  const mutex = new Mutex(await Session.open(etcd), name);
  // the first of them waits until etcd has given up the other
  const others = [await countOnce(etcd, mutex), await countOnce(etcd, mutex)];

  // it is there to be read when it wakes
  frozen.send("write");
  const writing = once(frozen, "message");
  frozen.kill("SIGCONT");
  const [late] = await writing;

  const guarded = [...others, late];
  const read = async (of: string) => Number(await etcd.client.get(`${name}-${of}`).string());
  const lost = {
    plain: guarded.length - (await read("plain")),
    fenced: guarded.filter((written) => written).length - (await read("fenced")),
  };
  expect(lost).toEqual({ plain: 2, fenced: 0 });
  expect(guarded).toEqual([true, true, false]);
});
