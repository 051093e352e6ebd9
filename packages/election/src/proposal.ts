import { describe } from "@etcdkit/core/internal";

/** The bytes of a proposal, as they are at this moment. Throws a TypeError if `value` is neither text nor a Buffer. */
export function toProposal(value: unknown): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  throw new TypeError(`the value must be a string or a Buffer, not ${describe(value)}`);
}
