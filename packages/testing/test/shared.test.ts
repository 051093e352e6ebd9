import { expect, test } from "vitest";
import { eventually, sharedEtcd, testClient, testPrefix } from "../src/vitest.js";

test("tests share one server, and each has a prefix of its own", async () => {
  const prefix = testPrefix();
  expect(prefix).toMatch(/^test\/tests-share-one-server-[a-z-]*[0-9a-f]{8}\/$/);
  expect(testPrefix()).not.toBe(prefix);
  expect(sharedEtcd().version).toMatch(/^3\.\d+\.\d+/);
  const client = testClient();
  await client.put(`${prefix}a`).value("1");
  expect(await eventually(() => client.get(`${prefix}a`).string())).toBe("1");
});
