import type { KeyValue } from "@etcdkit/core/internal";
import { type MachineFacts, readFacts } from "./facts.js";
import { isPlainObject, type JsonObject } from "./metadata.js";

/** A member as its group sees it. */
export interface MemberInfo {
  readonly id: string;
  /** Made anew by each `join()`: tells a process from the one that had its id before. */
  readonly incarnation: string;
  readonly metadata: JsonObject;
  /** By the member's own word. One that is not of this library may lack any of them. */
  readonly facts: Readonly<Partial<MachineFacts>>;
  /** The member is gone when this lease is; 0n: without a lease, only a deletion ends it. */
  readonly leaseId: bigint;
  /** At which revision of etcd the entry was made. */
  readonly createRevision: bigint;
  /** At which revision of etcd it was last written. */
  readonly modRevision: bigint;
}

export interface Entry {
  id: string;
  incarnation: string;
  metadata: JsonObject;
  facts: Partial<MachineFacts>;
}

/**
 * Readers take later formats too, as far as they find what they know: in a fleet that is being upgraded nobody may look dead. A
 * change that is not compatible needs other keys.
 */
const FORMAT = 1;

export function encodeEntry(entry: Entry): Buffer {
  return Buffer.from(JSON.stringify({ format: FORMAT, ...entry }));
}

/** The member that `kv` is the entry of, or undefined if it is none: what stands in etcd may be anybody's. */
export function readEntry(id: string, kv: KeyValue): MemberInfo | undefined {
  const entry = parse(kv.value);
  if (!isPlainObject(entry)) return undefined;
  const { format, incarnation, metadata } = entry;
  if (!Number.isInteger(format) || Number(format) < FORMAT || entry.id !== id) return undefined;
  if (typeof incarnation !== "string" || !incarnation || incarnation.includes("/")) {
    return undefined;
  }
  if (!isPlainObject(metadata)) return undefined;
  return {
    id,
    incarnation,
    // JSON.parse made it
    metadata: metadata as JsonObject,
    facts: readFacts(entry.facts),
    leaseId: kv.lease,
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
  };
}

function parse(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    return undefined;
  }
}
