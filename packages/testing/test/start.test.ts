import { expect, test } from "vitest";
import { startEtcd } from "../src/index.js";

test("a server answers, is killed, and comes back with its data", async () => {
  await using server = await startEtcd();
  const client = server.client();
  await client.put("a").value("1");
  await server.kill();
  expect(server.pid).toBeUndefined();
  await expect(client.get("a").string()).rejects.toThrow();
  await server.restart();
  expect(await client.get("a").string()).toBe("1");
});
