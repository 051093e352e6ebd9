import type { WatchReply } from "@etcdkit/core/internal";
import type { SeededRandom } from "../seeded-random.js";

/** Of the replies with several events that are told in parts, as etcd does with large ones. */
const SHARE = 0.2;

export function fragmented(reply: WatchReply, random: SeededRandom): WatchReply[] {
  const { events } = reply;
  if (events.length < 2 || !random.chance(SHARE)) return [reply];
  const cut = 1 + random.below(events.length - 1);
  return [
    { ...reply, fragment: true, events: events.slice(0, cut) },
    { ...reply, events: events.slice(cut) },
  ];
}
