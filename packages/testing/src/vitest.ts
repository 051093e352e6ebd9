import { randomUUID } from "node:crypto";
import type { Etcd3 } from "etcd3";
import { expect, inject, onTestFinished } from "vitest";
import { Clients } from "./clients.js";
import { TestingError } from "./errors.js";
import type { ClientOptions } from "./etcd-server.js";

export { type EventuallyOptions, eventually, type Settled } from "./eventually.js";

/** What the global setup `@etcdkit/testing/setup` tells the tests. */
export interface SharedEtcd {
  /** `host:port` of the server all tests of this run share. */
  endpoints: string[];
  /** Such as `3.5.30`. */
  version: string;
}

declare module "vitest" {
  interface ProvidedContext {
    etcd: SharedEtcd;
  }
}

/**
 * The server of this test run, started by the global setup `@etcdkit/testing/setup`.
 *
 * @throws {TestingError} `not-running` when the setup is not in vitest's `globalSetup`
 */
export function sharedEtcd(): SharedEtcd {
  // vitest's type promises it, whether or not the setup is there
  const etcd = inject("etcd") as SharedEtcd | undefined;
  if (etcd) return etcd;
  throw new TestingError(
    "not-running",
    'no etcd runs for these tests: add "@etcdkit/testing/setup" to globalSetup in the vitest config',
  );
}

/** A client of the shared server, closed when the test ends; options as for `EtcdServer.client`. */
export function testClient(options?: ClientOptions): Etcd3 {
  const { endpoints } = sharedEtcd();
  const clients = new Clients({ endpoints, credentials: undefined, auth: undefined });
  onTestFinished(() => clients.close());
  return clients.open(options);
}

/**
 * A key prefix no other test has, such as `test/takes-turns-1f0c2ab4/`: named for the running test,
 * so that a key left over tells where it came from.
 */
export function testPrefix(): string {
  const name = expect.getState().currentTestName ?? "";
  const slug = name
    .replace(/^.* > /, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 40);
  return `test/${slug}-${randomUUID().slice(0, 8)}/`;
}
