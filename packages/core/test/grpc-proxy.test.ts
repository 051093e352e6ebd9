import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { connect } from "@etcdkit/core";
import { findEtcd } from "@etcdkit/testing";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { internals } from "../src/connection.js";
import { Snapshot } from "../src/snapshot.js";

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? `127.0.0.1:${address?.port}` : "";
}

test("what is to be watched through etcd's own gRPC proxy is refused, with a word on why", async () => {
  const address = await freeAddress();
  const endpoints = `--endpoints=${sharedEtcd().endpoints}`;
  const args = ["grpc-proxy", "start", endpoints, `--listen-addr=${address}`];
  const { etcd: binary } = await findEtcd();
  const proxy = spawn(binary, args, { stdio: "ignore" });
  onTestFinished(() => void proxy.kill("SIGKILL"));
  await using connection = connect({ hosts: address });
  const failed = new Promise((resolve) => {
    const handlers = { state: () => {}, changes: () => {}, failed: resolve };
    new Snapshot(internals(connection), { key: Buffer.from("a") }, "a", handlers);
  });
  expect(await failed).toMatchObject({
    code: "REFUSED",
    message: expect.stringContaining("gRPC proxy"),
  });
});
