import { isUtf8 } from "node:buffer";
import { checkName, describe, underPrefix } from "@etcdkit/core/internal";

const LONGEST_ID = 255;
const CONTROL = /\p{Cc}/u;

/** What a key of a group is about: a member's entry, or where `left` is there, the goodbye of that incarnation of it. */
export interface Place {
  id: string;
  left?: string;
}

/**
 * Where a group keeps what: `name/members/<id>` is a member's entry, and `name/members/<id>/left/<incarnation>` its goodbye. All
 * under one prefix, so that one watch sees both, and nothing else. A goodbye is a key for each incarnation, so that its absence
 * can be compared: once it is there, a late attempt to register that incarnation is refused.
 */
export class Layout {
  readonly what: string;
  readonly range: { key: Buffer; rangeEnd: Buffer };
  readonly #prefix: string;

  constructor(readonly name: string) {
    checkName(name, "the name of a group");
    this.what = `group ${name}`;
    this.#prefix = `${name}/members/`;
    this.range = underPrefix(this.#prefix);
  }

  entryKey(id: string): Buffer {
    return Buffer.from(this.#prefix + id);
  }

  goodbyeKey(id: string, incarnation: string): Buffer {
    return Buffer.from(`${this.#prefix}${id}/left/${incarnation}`);
  }

  /** Undefined for a key that no member can have written. */
  placeOf(key: Buffer): Place | undefined {
    if (!isUtf8(key)) return undefined;
    const [id = "", word, left, ...more] = key.toString().slice(this.#prefix.length).split("/");
    if (fault(id)) return undefined;
    if (word === undefined) return { id };
    return word === "left" && left && more.length === 0 ? { id, left } : undefined;
  }
}

/** Throws unless `id` can be the id of a member. */
export function checkId(id: unknown): asserts id is string {
  if (typeof id !== "string") {
    throw new TypeError(`the id of a member must be a string, not ${describe(id)}`);
  }
  const wrong = fault(id);
  if (wrong) throw new RangeError(`the id of a member ${wrong}: ${describe(id)}`);
}

function fault(id: string): string | undefined {
  if (id === "") return "must not be empty";
  if (id.includes("/")) return "must not contain a slash";
  if (CONTROL.test(id)) return "must not contain control characters";
  if (!id.isWellFormed()) return "must be well-formed text, not half a surrogate pair";
  if (id.length > LONGEST_ID) return `must not be longer than ${LONGEST_ID} characters`;
  return undefined;
}
