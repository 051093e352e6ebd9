import { CoordinationError } from "@etcdkit/core";

/** A proclamation by one who does not lead any more; `cause` is why, where the leadership was lost and not resigned. */
export class NotLeaderError extends CoordinationError<"NOT_LEADER"> {
  protected static override readonly knownAs = "NotLeaderError";
  override name = "NotLeaderError";
  constructor(message: string, options?: ErrorOptions) {
    super("NOT_LEADER", message, options);
  }
}
