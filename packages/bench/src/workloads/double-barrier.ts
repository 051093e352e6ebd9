import { performance } from "node:perf_hooks";
import { DoubleBarrier } from "@etcdkit/barrier";
import { Calls } from "../calls.js";
import { median } from "../figures.js";
import { unaryOf } from "../go-rpcs.js";
import { openSessions } from "../sessions.js";
import { Span } from "../span.js";
import { WarmUp } from "../warm-up.js";
import type { Workload } from "../workload.js";

const COUNT = 10;

export const doubleBarrier: Workload = {
  name: "double-barrier-10",
  group: "barrier",
  title: "double barrier of 10, all in and all out",
  headline: "enterMs",
  targets: [
    { figure: "enterMs", better: 10 },
    { figure: "leaveMs", better: 10 },
  ],
  go: {
    bench: "double-barrier",
    flags: { c: COUNT },
    perSecond: 5,
    read: (line) => ({
      opsPerS: 1_000 / (Number(line.enter_all_mean_ms) + Number(line.leave_all_mean_ms)),
      enterMs: Number(line.enter_all_p50_ms),
      leaveMs: Number(line.leave_all_p50_ms),
      cpuUs: (Number(line.client_cpu_s) * 1e6) / Number(line.n) / COUNT,
      calls: unaryOf(line.rpcs) / Number(line.n) / COUNT,
    }),
  },
  run: {
    async etcdkit({ endpoints, seconds }) {
      const calls = new Calls();
      const sessions = await openSessions(calls.connect(endpoints), COUNT);
      let round = 0;
      const meet = async () => {
        const name = `bench/double/${round++}`;
        const members = sessions.map((one) => new DoubleBarrier(one, name, { count: COUNT }));
        const start = performance.now();
        await Promise.all(members.map((member) => member.enter()));
        const entered = performance.now();
        await Promise.all(members.map((member) => member.leave()));
        return { enter: entered - start, leave: performance.now() - entered };
      };
      for (const warmUp = new WarmUp(seconds); !warmUp.enough(); ) await meet();
      const took: Awaited<ReturnType<typeof meet>>[] = [];
      const span = new Span(calls);
      while (took.length === 0 || span.elapsedS < seconds) took.push(await meet());
      const { opsPerS = 0, cpuUs = 0, calls: sent = 0 } = span.end(took.length);
      return {
        opsPerS,
        enterMs: median(took.map(({ enter }) => enter)),
        leaveMs: median(took.map(({ leave }) => leave)),
        cpuUs: cpuUs / COUNT,
        calls: sent / COUNT,
      };
    },
  },
};
