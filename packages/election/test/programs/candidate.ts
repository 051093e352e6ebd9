import { writeSync } from "node:fs";
import { connect, Election, type Leadership, Session } from "@etcdkit/election";
import { type CandidateMessage, type CandidateOptions, nowMs } from "../candidates.js";

// Campaigns for ever, with a new session after each loss; while it leads it looks all the time whether it does, and says what it
// saw. Resigns at SIGUSR2, and campaigns again.

const options = JSON.parse(process.argv[2] ?? "") as CandidateOptions;
const { hosts, name, value, ttl, everyMs } = options;

// written at once: what was seen before a freeze is not told after it
const say = (message: CandidateMessage) => writeSync(1, `${JSON.stringify(message)}\n`);

const etcd = connect({ hosts });
let resign = () => {};
process.on("SIGUSR2", () => resign());

for (;;) {
  try {
    await using session = await Session.open(etcd, { ttl });
    const election = new Election(session, name);
    while (session.state !== "expired") {
      say({ what: "campaigning" });
      await term(await election.campaign(value));
    }
  } catch (error) {
    say({ what: "campaign failed", reason: `${(error as Error).name}` });
  }
}

/** Resolves when the leadership was resigned or lost. */
async function term(leadership: Leadership): Promise<void> {
  const token = `${leadership.fencingToken}`;
  look(leadership);
  const looking = setInterval(() => look(leadership), everyMs);
  const cause = await new Promise<"resigned" | "lost">((resolve) => {
    resign = () => resolve("resigned");
    leadership.signal.addEventListener("abort", () => resolve("lost"), { once: true });
    if (leadership.signal.aborted) resolve("lost");
  });
  if (cause === "resigned") {
    await leadership.resign();
    say({ what: "resigned", token });
  }
  // some more: one that was lost must not come back
  for (let n = 0; n < 5; n++) look(leadership);
  clearInterval(looking);
  if (cause === "lost") say({ what: "lost", token, reason: leadership.signal.reason.name });
}

function look(leadership: Leadership): void {
  const fromMs = nowMs();
  const { held } = leadership;
  const toMs = nowMs();
  say({ what: "look", held, token: `${leadership.fencingToken}`, fromMs, toMs });
}
