import { join } from "node:path";
import { samplesIn, startSample, typeProblems } from "@etcdkit/test-support/sample";
import { startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const root = join(import.meta.dirname, "../../..");
const [sample = ""] = samplesIn(join(root, "README.md"));

test("the README's sample is at most 15 lines", () => {
  const lines = sample.trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.length).toBeLessThanOrEqual(15);
});

const pattern = samplesIn(join(root, "docs/session-loss.md")).find((text) =>
  text.includes("work("),
);

/** What the pattern for services takes for granted, and the worst for it: etcd is away at first, and then the session is lost. */
const given = (endpoint: string) => `
import { CoordinationError, connect, type Lock, Mutex, Session as Opened, SessionExpiredError } from "@etcdkit/mutex";
const etcd = connect({ hosts: "${endpoint}" });
const stopping = new AbortController().signal;
const outcomes = [new CoordinationError("UNAVAILABLE", "away"), new SessionExpiredError("lost")];
const Session: Pick<typeof Opened, "open"> = {
  async open(...args) {
    if (outcomes.length === 2) throw outcomes.shift();
    return await Opened.open(...args);
  },
};
async function work(signal: AbortSignal): Promise<void> {
  const error = outcomes.shift();
  console.log(error?.code ?? "done", signal.aborted);
  if (error) throw error;
}
`;

test("the README's sample, and the pattern for services, have the right types", {
  timeout: 60_000,
}, () => {
  const samples = [sample, given("127.0.0.1:2379") + pattern];
  expect(pattern).toBeDefined();
  expect(typeProblems(import.meta.dirname, ...samples)).toEqual([]);
});

test("the pattern for services outlasts an outage, and the loss of its session", async () => {
  await using server = await startEtcd({ own: true });
  const [endpoint = ""] = server.endpoints;
  const text = `${given(endpoint)}${pattern}await etcd.close();\n`;
  const program = startSample(import.meta.dirname, text);
  expect(await program.ended).toBe(0);
  expect(program.stdout()).toBe("SESSION_EXPIRED false\ndone false\n");
  expect(program.stderr()).toBe("");
});

test("the README's sample runs", async () => {
  // its own: the names are the sample's
  await using server = await startEtcd({ own: true });
  const [endpoint = ""] = server.endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const program = startSample(import.meta.dirname, sample.replace("127.0.0.1:2379", endpoint));
  expect(await program.ended).toBe(0);
  expect(program.stdout()).toMatch(/^paid \d+n\n$/);
  expect(program.stderr()).toBe("");
  expect(await server.client().get("orders/42/state").string()).toBe("paid");
});
