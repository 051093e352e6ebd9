import { Election, type Leadership, type Session } from "@etcdkit/election";
import { now } from "../model/clock.js";
import type { Random } from "../model/random.js";
import { Belief } from "./belief.js";
import type { Client } from "./client.js";
import { limit } from "./limit.js";
import { pause } from "./pause.js";
import { leaseOf, Sessions } from "./sessions.js";

const nameOf = ({ prefix }: Client) => `${prefix}election/a`;

/** Campaigns, proclaims while it leads, resigns, or cancels its candidacy. */
export async function electionTraffic(client: Client, random: Random): Promise<void> {
  await using sessions = new Sessions(client);
  for (let term = 1; !client.stop.aborted; term++) {
    const session = await sessions.current();
    const cancel = random.chance(0.3) ? limit(random.between(5, 500)) : undefined;
    const value = `${client.name}/${term}`;
    if (session) {
      const leads = await campaign(client, session, value, cancel);
      if (leads) await lead(client, random, leads, value);
    }
    await pause(random.between(50, 400), client.stop);
  }
}

interface Leads {
  leadership: Leadership;
  belief: Belief;
}

function campaign(
  client: Client,
  session: Session,
  value: string,
  signal: AbortSignal | undefined,
): Promise<Leads | undefined> {
  const { recorder } = client;
  const name = nameOf(client);
  const election = new Election(session, name);
  const lease = leaseOf(session);
  const call = { kind: "election campaign", name, signal, detail: { lease, value } } as const;
  return recorder.operation(call, async () => {
    const leadership = await election.campaign(value, signal && { signal });
    const about = { key: leadership.key, token: Number(leadership.fencingToken), lease };
    const held = () => leadership.held;
    const belief = new Belief(recorder, { kind: "leader", name, ...about }, held);
    return { outcome: "done", detail: about, value: { leadership, belief } };
  });
}

async function lead(
  { recorder, stop }: Client,
  random: Random,
  { leadership, belief }: Leads,
  value: string,
): Promise<void> {
  const { name } = leadership;
  const token = Number(leadership.fencingToken);
  const words = Math.floor(random.between(0, 3));
  for (let word = 0; word < words && belief.look(); word++) {
    await pause(random.between(10, 150), stop);
    // the same twice is a word of its own
    const detail = { token, value: `${value}.${random.pick([0, word])}` };
    await recorder.operation({ kind: "election proclaim", name, detail }, async () => {
      await leadership.proclaim(detail.value);
      return { outcome: "done" };
    });
  }
  await pause(random.between(0, 150), stop);
  belief.close();
  await recorder.operation({ kind: "election resign", name, detail: { token } }, async () => {
    await leadership.resign();
    return { outcome: "done" };
  });
}

/** Follows the leader from the beginning to the end. */
export async function observerTraffic(client: Client): Promise<void> {
  const { recorder, stop, etcd } = client;
  const name = nameOf(client);
  const observation = recorder.next();
  for await (const leader of Election.observer(etcd, name).observe({ signal: stop })) {
    const word = leader && {
      key: leader.key,
      token: Number(leader.fencingToken),
      value: `${leader.value}`,
    };
    const at = now();
    recorder.write({ what: "sight", observation, of: "election", name, at, leader: word ?? null });
  }
}
