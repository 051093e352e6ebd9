import { Group, type Member, type MemberEvent } from "@etcdkit/liveness";
import { now } from "../model/clock.js";
import type { Random } from "../model/random.js";
import type { Client } from "./client.js";
import { pause } from "./pause.js";

const nameOf = ({ prefix }: Client) => `${prefix}group`;

/** A member that comes, changes, goes and comes back. */
export async function livenessTraffic(client: Client, random: Random): Promise<void> {
  while (!client.stop.aborted) {
    const member = await join(client);
    if (member) await stay(client, random, member);
    await pause(random.between(100, 400), client.stop);
  }
}

function join(client: Client): Promise<Member | undefined> {
  const { etcd, recorder, slot, ttl } = client;
  const name = nameOf(client);
  const detail = { key: slot };
  return recorder.operation({ kind: "liveness join", name, detail }, async () => {
    // the one that was killed may still be there
    const member = await new Group(etcd, name).join({ id: slot, ttl, takeOver: true });
    return { outcome: "done", value: member };
  });
}

async function stay(client: Client, random: Random, member: Member): Promise<void> {
  const { recorder, stop } = client;
  const name = nameOf(client);
  const detail = { key: member.id };
  const updates = Math.floor(random.between(1, 6));
  for (let update = 1; update <= updates && !stop.aborted; update++) {
    await pause(random.between(100, 1_000), stop);
    await recorder.operation({ kind: "liveness update", name, detail }, async () => {
      await member.update({ update });
      return { outcome: "done" };
    });
  }
  await recorder.operation({ kind: "liveness leave", name, detail }, async () => {
    await member.leave();
    return { outcome: "done" };
  });
}

/** Watches the group from the beginning to the end. */
export async function watchTraffic(client: Client): Promise<void> {
  const { recorder, stop, etcd } = client;
  const name = nameOf(client);
  const observation = recorder.next();
  for await (const event of new Group(etcd, name).watch({ signal: stop })) {
    const told = ofHistory(event);
    if (!told) continue;
    recorder.write({ what: "sight", observation, of: "group", name, at: now(), event: told });
  }
}

/** What is told of the group's history; a suspicion is none. */
function ofHistory(event: MemberEvent) {
  switch (event.type) {
    case "joined":
    case "updated":
    case "left":
    case "died": {
      const { type, id, member } = event;
      const at = { revision: Number(event.revision), modRevision: Number(member.modRevision) };
      return { type, id, ...at, ...("witnessed" in event && { witnessed: event.witnessed }) };
    }
    default:
      return undefined;
  }
}
