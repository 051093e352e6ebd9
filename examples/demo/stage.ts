import { setTimeout as sleep } from "node:timers/promises";
import type { ElectionObserver } from "@etcdkit/election";
import type { Mutex } from "@etcdkit/mutex";
import { Bulletin } from "./bulletin.js";
import { InstanceProcess } from "./instance-process.js";
import { Machines } from "./machines.js";
import type { Screen } from "./screen.js";
import { Spans } from "./spans.js";
import type { Report, Task } from "./task.js";
import type { Place, View } from "./view.js";

const LOOK_MS = 100;

/** The instances, what they have reported, and what an onlooker sees of them in etcd. */
export class Stage {
  readonly machines = new Machines();
  readonly terms = new Spans();
  readonly turns = new Spans();
  readonly reports = new Bulletin<Report & { from: string }>();
  readonly jobs = new Map<string, number>();
  readonly #running = new Map<string, InstanceProcess>();
  readonly #done = new Map<string, number>();
  /** Until when their leases for the lock are good. */
  readonly #until = new Map<string, bigint>();

  /** @param failed is told when an instance ends in a way that nobody asked for */
  start(task: Task, failed: (error: Error) => void): InstanceProcess {
    const { name } = task;
    const heard = (report: Report) => {
      this.#record(name, report);
      this.reports.tell({ ...report, from: name });
    };
    const instance = new InstanceProcess(task, heard, failed);
    this.#running.set(name, instance);
    this.#until.delete(name);
    return instance;
  }

  /** SIGKILL, in the middle of whatever it does. Resolves when the process is gone. */
  async kill(name: string): Promise<void> {
    await this.#running.get(name)?.kill();
    const gone = process.hrtime.bigint();
    this.terms.died(name, gone);
    this.turns.died(name, gone);
  }

  /** It finishes its turn, resigns, says goodbye and ends; without a name, all of them do. */
  async leave(name?: string): Promise<void> {
    const leaving = [...this.#running.values()].filter((one) => !name || one.name === name);
    await Promise.all(leaving.map((instance) => instance.leave()));
  }

  /** Shows how things stand, over and over, until `signal` aborts. */
  async show(
    seen: { election: ElectionObserver; mutex: Mutex },
    screen: Screen,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const [candidates, contenders] = await Promise.all([
        seen.election.contenders(),
        seen.mutex.contenders(),
      ]);
      if (!signal.aborted) screen.show(this.#view(candidates, contenders));
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #view(candidates: InLine[], contenders: InLine[]): View {
    return [...this.#running.values()].map(({ name, killed }) => ({
      name,
      status: this.machines.status(name),
      killed,
      remainingMs: this.#remainingMs(name),
      leader: placeOf(name, candidates),
      jobs: this.jobs.get(name) ?? 0,
      lock: placeOf(name, contenders),
      done: this.turns.underWay(name) && this.#done.get(name),
      turns: this.turns.finished(name),
    }));
  }

  #remainingMs(name: string): number | undefined {
    const until = this.#until.get(name);
    const status = this.machines.status(name);
    if (until === undefined || status === "died" || status === "left") return undefined;
    return Math.max(0, Number(until - process.hrtime.bigint()) / 1e6);
  }

  #record(who: string, report: Report): void {
    const { type, at } = report;
    if (type === "leads") {
      this.terms.began({ who, fencingToken: report.fencingToken, began: at });
    } else if (type === "job") {
      this.jobs.set(who, (this.jobs.get(who) ?? 0) + 1);
    } else if (type === "led") {
      this.terms.ended(who, at);
    } else if (type === "began") {
      this.turns.began({ who, fencingToken: report.fencingToken, began: at });
      this.#done.set(who, 0);
    } else if (type === "works") {
      this.#done.set(who, report.done);
    } else if (type === "lease") {
      this.#until.set(who, report.until);
    } else {
      this.turns.ended(who, at);
    }
  }
}

interface InLine {
  value: Buffer;
  fencingToken: bigint;
}

function placeOf(name: string, line: InLine[]): Place {
  const index = line.findIndex(({ value }) => value.toString() === name);
  return {
    place: index < 0 ? undefined : index + 1,
    fencingToken: line[index]?.fencingToken,
  };
}
