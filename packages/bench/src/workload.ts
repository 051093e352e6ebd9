import type { FigureName, Figures } from "./figures.js";

export type PeerName = "etcdkit" | "go" | "etcd3" | "bare" | "redlock";

export const peers: Record<PeerName, string> = {
  etcdkit: "etcdkit",
  go: "Go",
  etcd3: "etcd3",
  bare: "bare calls",
  redlock: "redlock",
};

/** What a peer that is written for Node finds in its process. */
export interface Env {
  readonly endpoints: string[];
  /** `host:port`, where there is one. */
  readonly redis: string | undefined;
  /** How long to measure for. */
  readonly seconds: number;
}

type Runner = (env: Env) => Promise<Figures>;

/** One line of the Go program. */
export type GoLine = Record<string, unknown>;

/** What the Go program is told to do. */
export interface GoRun {
  readonly bench: string;
  /** Besides `-n`, `-warmup` and `-endpoints`. */
  readonly flags?: Record<string, number | string>;
  /** It takes a number of operations, not seconds: how many a second are to be expected at first. */
  readonly perSecond: number;
  /** Where `-n` is no number of operations but a size. */
  readonly n?: number;
  readonly warmup?: number;
  /** The name of its rate; default: taken from `perSecond` alone. */
  readonly rate?: string;
  read(line: GoLine): Figures;
}

/** What is asked of etcdkit's figure, against a peer's of the same round or on its own. */
export interface Target {
  readonly figure: FigureName;
  /** So many times better than the peer. */
  readonly better?: number;
  /** The figure is at most so many times the peer's. */
  readonly times?: number;
  /** The figure itself is at most this. */
  readonly atMost?: number;
  /** Default: Go. */
  readonly than?: PeerName;
}

export interface Workload {
  readonly name: string;
  /** `pnpm bench <group>` runs all of it. */
  readonly group: string;
  readonly title: string;
  /** What stands for the whole in the plot. */
  readonly headline: FigureName;
  readonly targets?: readonly Target[];
  /** At most so many rounds, because one is long. */
  readonly rounds?: number;
  readonly run: Partial<Record<PeerName, Runner>>;
  /** Where the Go program does it, instead of a runner. */
  readonly go?: GoRun;
}
