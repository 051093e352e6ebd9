import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { sharedEtcd, testClient } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll } from "vitest";

let own: EtcdServer | undefined;
let ownClient: ReturnType<typeof testClient> | undefined;

/** For a file that compacts: its tests get an etcd of their own, since others read the history of the shared one. */
export function useOwnEtcd(): void {
  beforeAll(async () => {
    own = await startEtcd({ own: true });
    ownClient = own.client();
  });
  afterAll(() => own?.stop());
}

/** Of the etcd that the tests of this file have. */
export function endpoints(): string[] {
  return own?.endpoints ?? sharedEtcd().endpoints;
}

/** Of the same etcd. */
export function etcdClient(): ReturnType<typeof testClient> {
  return ownClient ?? testClient();
}
