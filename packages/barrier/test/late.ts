import type { Connection } from "@etcdkit/barrier";
import { EtcdFailure, internals, type Txn, type TxnResult } from "@etcdkit/core/internal";

export interface LateTxn {
  readonly withheld: boolean;
  /** From now on everything passes. */
  letPass(): void;
  /** Now it gets to etcd. */
  arrive(): Promise<TxnResult>;
}

/**
 * The next transaction that `which` takes gets no answer, and arrives only when it is told to: as by a member that was frozen. Those
 * after it pass; with `andAll` they are lost.
 */
export function withholdTxn(
  etcd: Connection,
  which: (txn: Txn) => boolean,
  andAll: "and all after it" | undefined = undefined,
): LateTxn {
  const member = internals(etcd).members.current;
  const send = member.txn.bind(member);
  let late: Txn | undefined;
  let over = false;
  member.txn = async (txn, call) => {
    if (over || !which(txn) || (late && !andAll)) return await send(txn, call);
    late ??= txn;
    throw new EtcdFailure("unavailable", "withheld by the test");
  };
  return {
    get withheld() {
      return late !== undefined;
    },
    letPass: () => {
      over = true;
    },
    arrive: async () => {
      if (!late) throw new Error("nothing was withheld");
      return await send(late, { deadlineMs: 5_000 });
    },
  };
}

/** Whether a transaction puts this key. */
export function puts(key: string): (txn: Txn) => boolean {
  return ({ success }) => success.some((op) => "put" in op && op.put.key.toString() === key);
}

/** Whether a transaction creates the key of a member. */
export function creates({ success }: Txn): boolean {
  return success.length === 3;
}

/** Whether a transaction deletes the key of a member. */
export function deletes({ success }: Txn): boolean {
  return success.some((op) => "deleteRange" in op);
}
