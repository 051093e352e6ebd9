import { performance } from "node:perf_hooks";
import { Group, type MemberEvent } from "@etcdkit/liveness";
import { Calls } from "../calls.js";
import { percentiles } from "../figures.js";
import { nth } from "../sessions.js";
import { Span } from "../span.js";
import { inParallel } from "../timed.js";
import type { Workload } from "../workload.js";

const TTL = 30;
const AT_ONCE = 32;
const REVOKED = 200;
const LEAVING = 50;

/** Members join, are listed and watched from another connection; leases are revoked one by one, then members leave. */
function liveness(count: number): Workload {
  return {
    name: `liveness-${count}`,
    group: "liveness",
    title: `liveness, ${count.toLocaleString("en")} members`,
    headline: "p50Ms",
    targets: [{ figure: "p50Ms", times: 2 }],
    go: {
      bench: "liveness",
      flags: { c: AT_ONCE, ttl: TTL, revokes: REVOKED },
      perSecond: 0,
      n: count,
      read: (line) => ({
        p50Ms: Number(line.revoke_to_seen_p50_ms),
        p99Ms: Number(line.revoke_to_seen_p99_ms),
        joinsPerS: Number(line.joins_s),
        listMs: Number(line.list_ms),
        cpuUs: (Number(line.client_cpu_s) * 1e6) / count,
        calls: Number(line.unary_per_op),
      }),
    },
    run: {
      async etcdkit({ endpoints }) {
        const calls = new Calls();
        const group = new Group(calls.connect(endpoints), "bench/group");
        const joining = new Span(calls);
        const metadata = { name: "v".repeat(32) };
        const members: Awaited<ReturnType<Group["join"]>>[] = [];
        await inParallel(count, AT_ONCE, async (n) => {
          members[n] = await group.join({ id: `m${n}`, metadata, ttl: TTL });
        });
        const { opsPerS: joinsPerS = 0, cpuUs = 0, calls: sent = 0 } = joining.end(count);

        const elsewhere = new Calls();
        const observer = new Group(elsewhere.connect(endpoints), "bench/group");
        await observer.members().then(({ size }) => mustBe(size, count));
        const start = performance.now();
        const listed = await observer.members();
        const listMs = performance.now() - start;

        const seen = new Sightings(observer, count);
        await seen.started;
        const revoker = elsewhere.etcd3(endpoints);
        const revoked: number[] = [];
        for (let n = 0; n < Math.min(REVOKED, count / 2); n++) {
          const ID = String(listed.get(`m${n}`)?.leaseId);
          const event = seen.next("died", `m${n}`);
          // it comes back by itself, in this very process: the next one is not to wait for that
          const back = seen.next("joined", `m${n}`);
          const from = performance.now();
          await revoker.leaseClient.leaseRevoke({ ID });
          revoked.push((await event) - from);
          await back;
        }
        const left: number[] = [];
        for (let n = count - 1; n >= Math.max(count - LEAVING, count / 2); n--) {
          const event = seen.next("left", `m${n}`);
          const from = performance.now();
          await Promise.all([nth(members, n).leave(), event]);
          left.push((await event) - from);
        }
        const goodbyeMs = percentiles(left).p50Ms;
        return { ...percentiles(revoked), joinsPerS, listMs, goodbyeMs, cpuUs, calls: sent };
      },
    },
  };
}

/** What an observer sees, and when. */
class Sightings {
  readonly started: Promise<void>;
  readonly #expected = new Map<string, (at: number) => void>();

  constructor(group: Group, count: number) {
    this.started = new Promise((resolve, reject) => {
      let joined = 0;
      const see = (event: MemberEvent) => {
        const at = performance.now();
        if (event.type === "joined" && ++joined === count) resolve();
        if ("id" in event) this.#expected.get(`${event.type} ${event.id}`)?.(at);
      };
      const watch = async () => {
        for await (const event of group.watch()) see(event);
      };
      watch().catch(reject);
    });
  }

  next(type: MemberEvent["type"], id: string): Promise<number> {
    return new Promise((resolve) => this.#expected.set(`${type} ${id}`, resolve));
  }
}

function mustBe(size: number, count: number): void {
  if (size !== count) throw new Error(`${size} members are listed, not ${count}`);
}

export const livenessOf5000 = liveness(5_000);
