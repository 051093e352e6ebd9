import { parseArgs } from "node:util";
import { type ServerName, serverNames } from "./servers.js";
import { type PeerName, peers, type Workload } from "./workload.js";
import { workloads } from "./workloads/all.js";

export interface Options {
  readonly workloads: readonly Workload[];
  readonly peers: readonly PeerName[];
  readonly servers: readonly ServerName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly publish: boolean;
  readonly profile: boolean;
}

export const usage = `pnpm bench [workload or group …] [options]

  --peer NAME      beside etcdkit, only this one (may be repeated): ${Object.keys(peers).slice(1).join(", ")};
                   --peer etcdkit: etcdkit alone
  --server NAME    only on this one: ${serverNames.join(", ")}
  --rounds N       how often everything is run (3)
  --seconds S      how long each is measured (2.5)
  --profile        keep a CPU profile of each of etcdkit's processes in packages/bench/results/profiles
  --publish        write BENCHMARKS.md and what it shows, not only packages/bench/results/latest.*

Workloads, by group:
${[...new Set(workloads.map(({ group }) => group))].map(inGroup).join("\n")}
`;

/** Throws a `TypeError` for what is no option. `undefined`: asked for help. */
export function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    allowPositionals: true,
    options: {
      peer: { type: "string", multiple: true },
      server: { type: "string", multiple: true },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "2.5" },
      profile: { type: "boolean", default: false },
      publish: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    workloads: chosen(positionals),
    peers: namesOf<PeerName>(Object.keys(peers), values.peer && ["etcdkit", ...values.peer]),
    servers: namesOf<ServerName>(serverNames, values.server),
    rounds: numberOf("rounds", values.rounds),
    seconds: numberOf("seconds", values.seconds),
    publish: values.publish,
    profile: values.profile,
  };
}

function inGroup(group: string): string {
  const names = workloads.filter((one) => one.group === group).map(({ name }) => name);
  return `  ${group}: ${names.join(", ")}`;
}

function chosen(names: string[]): readonly Workload[] {
  for (const name of names) {
    if (!workloads.some((one) => one.name === name || one.group === name)) {
      throw new TypeError(`there is no workload or group ${name}`);
    }
  }
  if (names.length === 0) return workloads;
  return workloads.filter(({ name, group }) => names.includes(name) || names.includes(group));
}

function namesOf<Name extends string>(all: readonly string[], given = all): Name[] {
  for (const name of given) {
    if (!all.includes(name)) throw new TypeError(`${name} is none of ${all.join(", ")}`);
  }
  return all.filter((name): name is Name => given.includes(name));
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new TypeError(`--${option} must be a positive number, not ${text}`);
  return number;
}
