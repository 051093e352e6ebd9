import { type Etcd, EtcdFailure, openMember } from "@etcdkit/core/internal";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Simulation } from "../src/simulator/simulation.js";
import { type Operation, operations, type SomeOp, type SomeTxn } from "./conformance/operations.js";
import { Subject } from "./conformance/subject.js";

const SEQUENCES = Number(process.env.CONFORMANCE_SEQUENCES ?? 60);

let server: EtcdServer;
let client: ReturnType<EtcdServer["client"]>;
let member: Etcd;

beforeAll(async () => {
  // its own: revisions are counted, and it is compacted
  server = await startEtcd({ own: true });
  client = server.client();
  member = openMember({ hosts: server.endpoints }, server.endpoints[0] ?? "");
}, 60_000);

afterAll(async () => {
  member.close();
  await server.stop();
});

const put = (key: string, value: string): SomeOp => ({ put: { key, value, lease: undefined } });

/** A transaction that puts `a` and deletes it, in two of its own. */
function comesAndGoes(value: string): Operation {
  const a = { from: "a", to: undefined };
  const comes: SomeTxn = {
    compare: [{ ...a, target: "createRevision", value: 0 }],
    success: [],
    failure: [put("a", value)],
  };
  const goes: SomeTxn = { compare: [], success: [{ delete: a }], failure: [] };
  return { do: "txn", txn: { compare: [], success: [{ txn: comes }, { txn: goes }], failure: [] } };
}

/** What chance came upon once, tried each time. */
const examples: [Operation[]][] = [
  [
    // a watch of the compacted past is cancelled a second time, when it is asked to be
    [
      { do: "compact", back: 0 },
      { do: "watch", range: { from: "a", to: undefined }, back: 1, prevKv: false },
      { do: "unwatch", index: 0 },
    ],
  ],
  [
    // what a transaction has put and deleted had no value before: neither where it is new, nor another where it is not
    [
      { do: "watch", range: { from: "a", to: "" }, back: undefined, prevKv: true },
      comesAndGoes("x"),
      { do: "txn", txn: { compare: [], success: [put("a", "x")], failure: [] } },
      comesAndGoes("y"),
    ],
  ],
];

let sequences = 0;

test("the simulated etcd answers as a real one does", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(operations, async (all) => {
      sequences++;
      const expected = await answers(real(sequences), all);
      const simulated = await answers(simulation(), all);
      expect(simulated).toEqual(expected);
    }),
    { examples, numRuns: SEQUENCES, interruptAfterTimeLimit: 540_000 },
  );
});

async function answers(subject: Subject, all: Operation[]): Promise<unknown> {
  await subject.begin();
  const told: unknown[] = [];
  for (const operation of all) told.push({ operation, told: await subject.run(operation) });
  return [...told, await subject.end()];
}

function real(sequence: number): Subject {
  return new Subject({
    etcd: member,
    prefix: `conformance/${sequence}/`,
    firstLease: BigInt(sequence * 100),
    compact: async (revision) => {
      try {
        await client.kv.compact({ revision: String(revision) });
      } catch (error) {
        const compacted = String(error).includes("has been compacted");
        throw new EtcdFailure(compacted ? "compacted" : "refused", String(error));
      }
    },
    wait: (promise) => promise,
  });
}

function simulation(): Subject {
  const world = new Simulation({ seed: 1, members: 1 });
  const [etcd] = world.addClient().ports;
  if (!etcd) throw new Error("no member");
  return new Subject({
    etcd,
    prefix: "conformance/",
    firstLease: 100n,
    compact: async (revision) => world.cluster.etcd.compact(revision),
    wait: (promise) => world.until(promise),
  });
}
