import { connect, DoubleBarrier, Session } from "@etcdkit/barrier";
import type { RoundGoerOptions, RoundMessage } from "../go-rounds.js";

// Some members on one connection, each with a session of its own, all rounds long. Ends by itself.

const options = JSON.parse(process.argv[2] ?? "") as RoundGoerOptions;
const { hosts, name, count, members, rounds } = options;

const say = (message: RoundMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);
// the same clock in every process of this machine
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

const etcd = connect({ hosts });
await Promise.all(Array.from({ length: members }, () => goRounds()));
await etcd.close();

async function goRounds(): Promise<void> {
  const member = new DoubleBarrier(await Session.open(etcd, { ttl: 10 }), name, { count });
  for (let round = 0; round < rounds; round++) {
    const cameAtMs = nowMs();
    await member.enter();
    const enteredAtMs = nowMs();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    const wentAtMs = nowMs();
    await member.leave();
    say({ round, cameAtMs, enteredAtMs, wentAtMs, leftAtMs: nowMs() });
  }
}
