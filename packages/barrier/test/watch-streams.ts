import type { Connection } from "@etcdkit/barrier";
import { internals, type WatchReply } from "@etcdkit/core/internal";

/** The watch streams of this connection from now on: how many were opened, and what they brought. */
export function watchStreams(etcd: Connection): { opened: number; replies: WatchReply[] } {
  const member = internals(etcd).members.current;
  const watch = member.watch.bind(member);
  const seen = { opened: 0, replies: [] as WatchReply[] };
  member.watch = (events) => {
    seen.opened++;
    return watch({
      message: (reply) => {
        seen.replies.push(reply);
        events.message(reply);
      },
      end: (failure) => events.end(failure),
    });
  };
  return seen;
}
