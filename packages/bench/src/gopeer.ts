import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { lastLine } from "./child-process.js";
import type { Figures } from "./figures.js";
import type { GoLine, GoRun } from "./workload.js";

export interface GoOrder {
  readonly endpoints: string[];
  readonly seconds: number;
}

/**
 * The Go side: a small program around the official client's concurrency package and recipes, which prints one JSON line. It is
 * not part of this repository; `ETCDKIT_GOPEER` says where it is, else it is looked for on PATH as `gopeer`.
 */
export class GoPeer {
  readonly #path: string;
  /** Operations a second as last measured, by what was asked for. */
  readonly #rates = new Map<GoRun, number>();

  private constructor(path: string) {
    this.#path = path;
  }

  static async find(): Promise<GoPeer | undefined> {
    const { ETCDKIT_GOPEER: given, PATH = "" } = process.env;
    const places = given ? [given] : PATH.split(delimiter).map((folder) => join(folder, "gopeer"));
    for (const place of places) {
      const found = await access(place, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return new GoPeer(place);
    }
    if (given) throw new Error(`ETCDKIT_GOPEER=${given} is no program`);
    return undefined;
  }

  async run(run: GoRun, { endpoints, seconds }: GoOrder): Promise<Figures> {
    const perSecond = this.#rates.get(run) ?? run.perSecond;
    const n = run.n ?? Math.max(Math.round(perSecond * seconds), 3);
    const flags: Record<string, number | string> = {
      endpoints: endpoints.join(","),
      n,
      warmup: run.warmup ?? Math.ceil(perSecond / 4),
      ...run.flags,
    };
    const args = Object.entries(flags).map(([name, value]) => `-${name}=${value}`);
    const line = JSON.parse(await lastLine(this.#path, [run.bench, ...args])) as GoLine;
    if (run.rate) this.#rates.set(run, Number(line[run.rate]));
    return run.read(line);
  }
}
