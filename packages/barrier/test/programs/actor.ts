import { once } from "node:events";
import { writeSync } from "node:fs";
import { Barrier, connect, DoubleBarrier, Session } from "@etcdkit/barrier";
import type { ActorMessage, ActorOptions, Step } from "../actor.js";
import { waitingAt } from "../waiting-at.js";

// Takes its steps, says how they went, and stays until it is killed.

const options = JSON.parse(process.argv[2] ?? "") as ActorOptions;
const { hosts, name, steps, ttl, onHolderLost = "release", count = 1, members = 1 } = options;

const say = (message: ActorMessage) => writeSync(1, `${JSON.stringify(message)}\n`);

const etcd = connect({ hosts });
const word = once(process.stdin, "data");
await Promise.all(Array.from({ length: members }, () => act()));

async function act(): Promise<void> {
  const session = await Session.open(etcd, { ttl });
  const barrier = new Barrier(etcd, name);
  const double = new DoubleBarrier(session, name, { count });
  const actions: Record<Step, () => Promise<unknown>> = {
    hold: () => barrier.hold({ session, onHolderLost }),
    "hold unleased": () => barrier.hold(),
    wait: () => barrier.wait(),
    enter: () => double.enter(),
    leave: () => double.leave(),
    "a word": () => word,
  };
  for (const step of steps) {
    try {
      const action = actions[step]();
      if (step === "wait") await Promise.race([action, waitingAt(etcd, name, 1)]);
      say({ step, what: "begun" });
      await action;
      say({ step, what: "done" });
    } catch (error) {
      const { name, code } = error as { name: string; code?: string };
      say({ step, what: "failed", error: code ?? name });
    }
  }
}
