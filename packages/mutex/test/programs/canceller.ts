import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { connect, type Lock, Mutex, Session } from "@etcdkit/mutex";
import type { CancellerMessage, CancellerOptions } from "../canceller.js";

// Cancels lock and tryLock after 0, 1, 2, … turns of the event loop, says what came of it, and at SIGUSR2 closes. It never
// calls `process.exit`, and an unhandled rejection would end it with code 1.

const { hosts, names, ttl, turns } = JSON.parse(process.argv[2] ?? "") as CancellerOptions;
const say = (message: CancellerMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

const etcd = connect({ hosts });
const session = await Session.open(etcd, { ttl });
const why = new Error("cancelled");
const outcomes = { cancelled: 0, locked: 0, notLocked: 0 };

// one name after the other, and then all at once, so that their requests travel together
for (const name of names) await tryOut(name);
await Promise.all(names.map(tryOut));

process.once("SIGUSR2", async () => {
  await etcd.close();
  say({ what: "closed" });
});
say({ what: "done", ...outcomes });

async function tryOut(name: string): Promise<void> {
  const mutex = new Mutex(session, name);
  for (let count = 0; count < turns; count++) {
    await cancelled(count, (signal) => mutex.lock({ signal }));
    await cancelled(count, (signal) => mutex.tryLock({ signal }));
    say({ what: "tried", name, turns: count });
  }
}

async function cancelled(
  count: number,
  call: (signal: AbortSignal) => Promise<Lock | undefined>,
): Promise<void> {
  const controller = new AbortController();
  const calling = call(controller.signal);
  // whoever does not listen at once must be able to listen later
  const outcome = calling.catch((error) => {
    if (error !== why) throw error;
    outcomes.cancelled++;
    return "cancelled" as const;
  });
  for (let turn = 0; turn < count; turn++) await turnOfTheLoop();
  controller.abort(why);
  const lock = await outcome;
  if (lock === "cancelled") return;
  outcomes[lock ? "locked" : "notLocked"]++;
  await lock?.release();
}
