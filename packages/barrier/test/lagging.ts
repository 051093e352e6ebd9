import type { Connection } from "@etcdkit/barrier";
import { internals } from "@etcdkit/core/internal";

/** Holds back what the watches of this connection tell, until it is told to let it go, for good. */
export function lagging(etcd: Connection) {
  const { watches } = internals(etcd);
  const open = watches.open.bind(watches);
  let held: (() => void)[] | undefined = [];
  watches.open = (options, handlers) =>
    open(options, {
      created: handlers.created?.bind(handlers),
      ended: handlers.ended.bind(handlers),
      events: (events) => {
        const tell = () => handlers.events(events);
        if (held) held.push(tell);
        else tell();
      },
    });
  return {
    get held() {
      return held?.length ?? 0;
    },
    tell: () => {
      const all = held ?? [];
      held = undefined;
      for (const tell of all) tell();
    },
  };
}
