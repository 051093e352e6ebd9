import type { Session } from "@etcdkit/barrier";
import { internals } from "@etcdkit/core/internal";
import { eventually, testClient } from "@etcdkit/testing/vitest";
import { Gathering } from "../src/gathering.js";

/** Resolves once the members of this session have seen all that has happened at the double barrier until now. */
export async function seenBy({ connection }: Session, name: string): Promise<void> {
  const { kvs } = await testClient().getAll().prefix(`${name}/`).exec();
  const newest = kvs.map(({ mod_revision }) => BigInt(mod_revision));
  const gathering = Gathering.of(internals(connection), name);
  await eventually(() => newest.every((revision) => revision <= gathering.revision), {
    what: `all of ${name} seen`,
  });
}
