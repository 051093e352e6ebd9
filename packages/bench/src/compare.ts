import { type FigureName, figures, median } from "./figures.js";
import type { Run } from "./run.js";
import type { ServerName } from "./servers.js";
import type { PeerName, Target, Workload } from "./workload.js";

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** All runs, asked by what they measured. */
export class Measured {
  readonly #runs: readonly Run[];

  constructor(runs: readonly Run[]) {
    this.#runs = runs;
  }

  any(server: ServerName): boolean {
    return this.#runs.some((run) => run.server === server);
  }

  has(server: ServerName, workload: Workload, peer: PeerName): boolean {
    return this.#of(server, workload, peer).length > 0;
  }

  figure(
    server: ServerName,
    workload: Workload,
    peer: PeerName,
    figure: FigureName,
  ): Spread | undefined {
    return spread(this.#of(server, workload, peer).map((run) => run.figures[figure]));
  }

  /** etcdkit's figure divided by the peer's of the same round, over all rounds. */
  ratio(
    server: ServerName,
    workload: Workload,
    peer: PeerName,
    figure: FigureName,
  ): Spread | undefined {
    const theirs = this.#of(server, workload, peer);
    return spread(
      this.#of(server, workload, "etcdkit").map((run) => {
        const same = theirs.find(({ round }) => round === run.round)?.figures[figure];
        const own = run.figures[figure];
        return same === undefined || own === undefined ? undefined : own / same;
      }),
    );
  }

  /** The same, turned so that more is better. */
  advantage(
    server: ServerName,
    workload: Workload,
    peer: PeerName,
    figure: FigureName,
  ): Spread | undefined {
    const ratio = this.ratio(server, workload, peer, figure);
    if (!ratio || figures[figure].better === "more") return ratio;
    return { median: 1 / ratio.median, least: 1 / ratio.most, most: 1 / ratio.least };
  }

  /** How it stands with a target; `undefined` where it was not measured. */
  verdict(server: ServerName, workload: Workload, target: Target): Verdict | undefined {
    const { figure, better, times, atMost, than = "go" } = target;
    if (atMost !== undefined) {
      // one lost lease, or two holders at once, is too many in any round
      const own = this.figure(server, workload, "etcdkit", figure);
      const worst = own && (atMost === 0 ? own.most : own.median);
      return own && verdict(own, worst ?? own.median, atMost, "least");
    }
    if (better !== undefined) {
      const advantage = this.advantage(server, workload, than, figure);
      return advantage && verdict(advantage, advantage.median, better, "most");
    }
    const ratio = this.ratio(server, workload, than, figure);
    return ratio && verdict(ratio, ratio.median, times ?? 1, "least");
  }

  #of(server: ServerName, workload: Workload, peer: PeerName): Run[] {
    return this.#runs.filter(
      (run) => run.server === server && run.workload === workload.name && run.peer === peer,
    );
  }
}

export interface Verdict {
  readonly measured: Spread;
  readonly met: boolean;
  /** Of a target that is met: whether every round met it. */
  readonly always: boolean;
  /** Of a target that is missed: how many times better it would have to be. */
  readonly short: number;
}

function verdict(
  measured: Spread,
  value: number,
  target: number,
  wanted: "most" | "least",
): Verdict {
  const met = wanted === "most" ? value >= target : value <= target;
  const always = wanted === "most" ? measured.least >= target : measured.most <= target;
  return { measured, met, always, short: wanted === "most" ? target / value : value / target };
}

function spread(samples: readonly (number | undefined)[]): Spread | undefined {
  const all = samples.filter((one): one is number => one !== undefined && Number.isFinite(one));
  if (all.length === 0) return undefined;
  return { median: median(all), least: Math.min(...all), most: Math.max(...all) };
}
