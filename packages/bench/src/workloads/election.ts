import { Election } from "@etcdkit/election";
import { Calls } from "../calls.js";
import { goRotation } from "../go-rotation.js";
import { rotate } from "../rotate.js";
import { nth, openSessions } from "../sessions.js";
import type { Workload } from "../workload.js";

const TTL = 60;

/** Leadership passed on by resignation, among candidates that campaign again at once. */
function election(candidates: number, goPerSecond: number): Workload {
  return {
    name: `election-${candidates}`,
    group: "election",
    title: `leadership passed on by resignation, ${candidates} candidates`,
    headline: "opsPerS",
    targets: [
      { figure: "opsPerS", better: 10 },
      { figure: "p99Ms", atMost: 10 },
    ],
    go: goRotation("election-failover", candidates, goPerSecond, "changes_s"),
    run: {
      async etcdkit({ endpoints, seconds }) {
        const calls = new Calls();
        const sessions = await openSessions(calls.connect(endpoints), candidates);
        const elections = sessions.map((session) => new Election(session, "bench/election"));
        return rotate({
          seconds,
          contenders: candidates,
          calls,
          acquire: async (n) => {
            const leadership = await nth(elections, n).campaign(String(n));
            return () => leadership.resign();
          },
        });
      },
      async etcd3({ endpoints, seconds }) {
        const calls = new Calls();
        const elections = calls.etcd3(endpoints);
        return rotate({
          seconds,
          contenders: candidates,
          calls,
          acquire: async (n) => {
            const campaign = elections.election("bench/election", TTL).campaign(String(n));
            await new Promise<void>((resolve, reject) => {
              campaign.on("elected", resolve);
              campaign.on("error", reject);
            });
            return () => campaign.resign();
          },
        });
      },
    },
  };
}

export const elections: Workload[] = [election(3, 30), election(5, 50)];
