import { CoordinationError } from "@etcdkit/core";
import type { MemberInfo } from "./entry.js";

export type MembershipCode =
  /** `join()`: another member of the group has this id. */
  | "ID_TAKEN"
  /** The membership is over: another process has the id now. */
  | "TAKEN_OVER"
  /** The membership is over: `leave()` was called, the connection closed, or somebody else said its goodbye. */
  | "LEFT";

/** Why a `join()` was refused, or a membership is over for good. */
export class MembershipError extends CoordinationError<MembershipCode> {
  protected static override readonly knownAs = "MembershipError";
  override name = "MembershipError";
  /** Who has the id, where that is the reason and the entry could be read. */
  readonly other: MemberInfo | undefined;

  constructor(code: MembershipCode, message: string, other?: MemberInfo) {
    super(code, message);
    this.other = other;
  }
}

export function isConnectionClosed(error: unknown): boolean {
  return error instanceof CoordinationError && error.code === "CONNECTION_CLOSED";
}

/** For a message: where the other one runs. */
export function whereabouts(other: MemberInfo | undefined): string {
  if (!other) return "something that is no entry of a member";
  const { host, pid } = other.facts;
  return `process ${pid ?? "?"} on host ${host ?? "?"} (incarnation ${other.incarnation})`;
}
