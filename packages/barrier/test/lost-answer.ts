import type { Connection } from "@etcdkit/barrier";
import { EtcdFailure, internals, type Txn } from "@etcdkit/core/internal";

export interface LostAnswer {
  /** Whether etcd has carried it out. */
  readonly carriedOut: boolean;
  /** Now it is known that no answer comes, and the next attempt is made. */
  giveUp(): void;
}

/** The next transaction that `which` takes is carried out, and no answer to it comes. Those after it pass. */
export function loseAnswer(etcd: Connection, which: (txn: Txn) => boolean): LostAnswer {
  const member = internals(etcd).members.current;
  const send = member.txn.bind(member);
  let lost = false;
  let carriedOut = false;
  let giveUp = () => {};
  const givenUp = new Promise<void>((resolve) => {
    giveUp = resolve;
  });
  member.txn = async (txn, call) => {
    if (lost || !which(txn)) return await send(txn, call);
    lost = true;
    await send(txn, call);
    carriedOut = true;
    await givenUp;
    throw new EtcdFailure("unavailable", "its answer is lost by the test");
  };
  return {
    get carriedOut() {
      return carriedOut;
    },
    giveUp: () => giveUp(),
  };
}
