import { type Etcd, type Txn, type TxnResult, withTxn } from "./etcd.js";

/**
 * How far etcd's history has come, by all that its members have said. What goes through etcd's log is answered with a revision no
 * smaller than any that was known when it was sent; one that is smaller is from an etcd that was put back to an earlier state, by a
 * restored snapshot or an emptied data folder. Reads prove nothing: after a change of the leader one may be stale for once
 * (etcd-io/etcd#20418).
 */
export class History {
  #known = 0n;
  /** How often it went back: what was asked for before says nothing of the present one. */
  #turns = 0;
  readonly #wentBack: () => void;

  constructor(wentBack: () => void) {
    this.#wentBack = wentBack;
  }

  /** The same member, whose answers are compared with what was known. */
  follow(etcd: Etcd): Etcd {
    return withTxn(etcd, (txn, call) =>
      isLogged(txn) ? this.#compare(etcd.txn(txn, call)) : etcd.txn(txn, call),
    );
  }

  /** The greatest revision that any answer has told. */
  get known(): bigint {
    return this.#known;
  }

  /** A stream has told so much. */
  reached(revision: bigint): void {
    if (revision > this.#known) this.#known = revision;
  }

  /** `asked` a moment ago. */
  async #compare(asked: Promise<TxnResult>): Promise<TxnResult> {
    const known = this.#known;
    const turns = this.#turns;
    const answer = await asked;
    if (turns !== this.#turns) return answer;
    if (answer.revision >= known) {
      this.reached(answer.revision);
      return answer;
    }
    this.#known = answer.revision;
    this.#turns++;
    this.#wentBack();
    return answer;
  }
}

/** A transaction that can only read is not (etcd, server/etcdserver/txn: IsTxnReadonly). */
function isLogged({ success, failure }: Txn): boolean {
  return [...success, ...failure].some((op) => !("range" in op));
}
