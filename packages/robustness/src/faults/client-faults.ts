import { pause } from "../traffic/pause.js";
import type { Fault, Scene } from "./scene.js";

const lane = "clients";
/** How far past its TTL a client is frozen: etcd sweeps twice a second, and a new leader gives each lease a full TTL again. */
const PAST_TTL_MS = 1_500;
const THAW_TRIES = 50;

/** What happens to client processes. */
export const clientFaults: readonly Fault[] = [
  {
    kind: "kill a client",
    lane,
    strike: async ({ clients }, random) => {
      const slot = random.pick(clients.slots);
      const { name } = clients.in(slot);
      await clients.replace(slot);
      return { target: name };
    },
  },
  {
    kind: "freeze a client past its TTL",
    lane,
    strike: async (scene, random) => {
      const client = await freezeHolder(scene);
      await pause(scene.ttl * 1_000 + PAST_TTL_MS + random.between(0, 1_500), scene.stop);
      client.thaw();
      return { target: client.name };
    },
  },
  {
    kind: "freeze a client for a moment",
    lane,
    strike: async ({ clients, stop }, random) => {
      const client = clients.in(random.pick(clients.slots));
      await client.freeze();
      await pause(random.between(100, 1_500), stop);
      client.thaw();
      return { target: client.name };
    },
  },
  {
    kind: "block an event loop",
    lane,
    strike: async ({ clients, ttl, stop }, random) => {
      const client = clients.in(random.pick(clients.slots));
      const ms = random.pick([random.between(200, 1_500), (ttl + 1) * 1_000]);
      client.block(ms);
      await pause(ms, stop);
      return { target: client.name };
    },
  },
];

/**
 * Whoever has its turn at the counters, while it thinks: it is frozen first and looked at then, since its turn may just have
 * been over.
 */
async function freezeHolder({ clients, operator, prefix, stop }: Scene) {
  const line = () =>
    operator
      .getAll()
      .prefix(`${prefix}mutex/counters/`)
      .sort("Create", "Ascend")
      .limit(1)
      .strings()
      .catch(() => ({}));
  for (let attempt = 0; attempt < THAW_TRIES && !stop.aborted; attempt++) {
    const [holder] = Object.values(await line());
    const client = holder === undefined ? undefined : clients.named(holder);
    if (!client) {
      await pause(20, stop);
      continue;
    }
    await client.freeze();
    if (Object.values(await line())[0] === holder) return client;
    client.thaw();
  }
  const client = clients.in(clients.slots[0] ?? "");
  await client.freeze();
  return client;
}
