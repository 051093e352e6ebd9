import { setMaxListeners } from "node:events";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EtcdCluster, eventually, startCluster } from "@etcdkit/testing";
import { Auditor } from "./faults/auditor.js";
import { campaign } from "./faults/campaign.js";
import { clientFaults } from "./faults/client-faults.js";
import { ClientSlots } from "./faults/client-slots.js";
import { Janitor } from "./faults/janitor.js";
import { memberFaults, partitionFault, wireFaults } from "./faults/member-faults.js";
import { Network } from "./faults/network.js";
import { operatorFaults } from "./faults/operator-faults.js";
import type { Fault, Scene } from "./faults/scene.js";
import { FAULTS_FILE, HISTORY_FILE, type Run, readRun } from "./model/run.js";
import type { Violation } from "./report/violation.js";
import { limit } from "./traffic/limit.js";
import { pause } from "./traffic/pause.js";
import { residue } from "./validate/residue.js";
import { validate } from "./validate/validate.js";

export interface ProofOptions {
  readonly seed: string;
  readonly seconds: number;
  /** How many client processes. */
  readonly clients: number;
  /** Seconds, of their sessions. */
  readonly ttl: number;
  /** Where the folder with the histories is made. */
  readonly folder: string;
  /** Which of the faults, by their kind. Default: all. */
  readonly faults?: ((fault: Fault) => boolean) | undefined;
  /** Ends it early, in order. */
  readonly signal: AbortSignal;
}

export interface Proof {
  readonly run: Run;
  readonly violations: readonly Violation[];
  /** What was not tried, and why. */
  readonly leftOut: readonly string[];
  /** What clients said on stderr. */
  readonly complaints: readonly string[];
  readonly folder: string;
}

const PREFIX = "robustness/";
const MEMBERS = ["etcd-1", "etcd-2", "etcd-3"];
/** Traffic without faults, before and after. */
const QUIET_MS = 2_000;
/** For whoever waits to get what it waits for, once nothing is in its way any more. */
const LAST_WAITS_MS = 45_000;
/** For leases to run out: etcd looks for them twice a second, and a change of its leader gives each a full TTL again. */
const SLACK_MS = 20_000;
const READY_MS = 60_000;
const DEADLINE_MS = 2_000;

/** Traffic and faults for a set time; what came of it, judged afterwards. Leaves nothing running, and the histories. */
export async function putToProof(options: ProofOptions): Promise<Proof> {
  await mkdir(options.folder, { recursive: true });
  const folder = await mkdtemp(join(options.folder, `seed-${options.seed}-`));
  const janitor = new Janitor();
  const made = await Network.make(MEMBERS, janitor);
  const network = typeof made === "string" ? undefined : made;
  const leftOut = typeof made === "string" ? [`${partitionFault.kind}: ${made}`] : [];
  let cluster: EtcdCluster | undefined;
  let clients: ClientSlots | undefined;
  const violations: Violation[] = [];
  try {
    cluster = await startCluster({
      proxied: true,
      readyTimeoutMs: READY_MS,
      ...(network && { network: (name) => network.of(name) }),
    });
    const { seed, clients: count, ttl } = options;
    const common = { clients: count, prefix: PREFIX, ttl, hosts: cluster.endpoints };
    clients = new ClientSlots(common, { seed, folder, janitor });
    violations.push(...(await traffic({ ...options, folder }, cluster, clients, network)));
  } finally {
    await clients?.kill();
    await cluster?.stop();
    // what went wrong may be etcd's doing
    for (const { name, log } of cluster?.members ?? []) {
      await writeFile(join(folder, `${name}.log`), log);
    }
    await network?.[Symbol.asyncDispose]();
    janitor.dismiss();
  }
  const run = await readRun(folder);
  violations.push(...validate(run));
  return { run, violations, leftOut, complaints: clients.complaints, folder };
}

/** The run proper: what went wrong in it that no history would tell. */
async function traffic(
  options: ProofOptions,
  cluster: EtcdCluster,
  clients: ClientSlots,
  network: Network | undefined,
): Promise<Violation[]> {
  const { seed, seconds, ttl, folder, signal } = options;
  const faultsFile = join(folder, FAULTS_FILE);
  await writeFile(faultsFile, "");
  await using auditor = new Auditor(cluster.members, join(folder, HISTORY_FILE));
  const operator = cluster.client({
    hosts: cluster.members.flatMap(({ endpoints }) => endpoints),
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + DEADLINE_MS }),
  });
  await clients.start();
  await pause(QUIET_MS, signal);
  const stop = limit(seconds * 1_000, signal);
  setMaxListeners(100, stop);
  const scene: Scene = { cluster, network, clients, auditor, operator, prefix: PREFIX, ttl, stop };
  const { faults = () => true } = options;
  const all = [...memberFaults, ...wireFaults, ...clientFaults, ...operatorFaults];
  const possible = network ? [...all, partitionFault] : all;
  const troubles = await campaign(scene, possible.filter(faults), { seed, file: faultsFile });
  await cluster.leader();
  await pause(QUIET_MS, signal);
  const stuck = await clients.stop(LAST_WAITS_MS);
  const { header } = await eventually(() => operator.get(PREFIX).exec(), { withinMs: READY_MS });
  const left = await residue(operator, PREFIX, ttl * 2_000 + SLACK_MS);
  await auditor.reaches(Number(header.revision));
  return [
    ...troubles.map((told) => ({ check: "the run itself", told })),
    ...clients.failed.map((told) => ({ check: "clients live", told })),
    ...stuck.map((told) => ({ check: "nobody stays for ever", told })),
    ...left.map((key) => ({ check: "no residue", told: `${key} was left behind` })),
  ];
}
