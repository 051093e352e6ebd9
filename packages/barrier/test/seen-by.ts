import type { Session } from "@etcdkit/barrier";
import { internals } from "@etcdkit/core/internal";
import { eventually } from "@etcdkit/testing";
import { Gathering } from "../src/gathering.js";
import { etcdClient } from "./file-etcd.js";

/** Resolves once the members of this session have seen all that has happened at the double barrier until now. */
export async function seenBy({ connection }: Session, name: string): Promise<void> {
  // no member, and not `ready`: one more change to see
  const mark = `${name}/seen`;
  const { header } = await etcdClient().put(mark).value("");
  const gathering = Gathering.of(internals(connection), name);
  await eventually(() => gathering.revision >= BigInt(header.revision), {
    what: `all of ${name} seen`,
  });
  await etcdClient().delete().key(mark);
}
