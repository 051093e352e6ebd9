import { pause } from "../traffic/pause.js";
import { type Fault, pickMember, type Scene, siteOf } from "./scene.js";

const lane = "members";

/** What happens to the processes of etcd. */
export const memberFaults: readonly Fault[] = [
  {
    kind: "kill a member",
    lane,
    strike: async (scene, random) => {
      const member = await pickMember(scene, random);
      await member.kill();
      await pause(random.between(500, 3_000), scene.stop);
      await member.restart();
      return { target: member.name };
    },
  },
  {
    kind: "restart a member",
    lane,
    strike: async (scene, random) => {
      const member = await pickMember(scene, random);
      await member.restart();
      return { target: member.name };
    },
  },
  {
    kind: "freeze a member",
    lane,
    strike: async (scene, random) => {
      const member = await pickMember(scene, random);
      await member.pause();
      await pause(random.between(1_000, 5_000), scene.stop);
      member.resume();
      return { target: member.name };
    },
  },
  {
    kind: "freeze a majority",
    lane,
    strike: async (scene, random) => {
      const [first, second] = random.shuffled(scene.cluster.members);
      if (!first || !second) throw new Error("a majority of three is two");
      await Promise.all([first.pause(), second.pause()]);
      await pause(random.between(500, 2_500), scene.stop);
      first.resume();
      second.resume();
      return { target: `${first.name} and ${second.name}` };
    },
  },
  {
    kind: "defragment a member",
    lane,
    strike: async (scene, random) => {
      const member = await pickMember(scene, random);
      const client = member.client({
        defaultCallOptions: () => ({ deadline: Date.now() + 10_000 }),
      });
      try {
        await client.maintenance.defragment();
      } finally {
        client.close();
      }
      return { target: member.name };
    },
  },
];

/** What happens to the wires between clients and members. */
export const wireFaults: readonly Fault[] = [
  {
    kind: "cut a wire",
    lane,
    strike: async (scene, random) => {
      const { member, proxy } = siteOf(scene, await pickMember(scene, random));
      await proxy.cut();
      await pause(random.between(500, 4_000), scene.stop);
      await proxy.restore();
      return { target: member.name };
    },
  },
  {
    kind: "cut all wires",
    lane,
    strike: async (scene, random) => {
      const { proxies } = scene.cluster;
      await Promise.all(proxies.map((proxy) => proxy.cut()));
      await pause(random.between(500, 2_500), scene.stop);
      await Promise.all(proxies.map((proxy) => proxy.restore()));
      return { target: "all" };
    },
  },
  {
    kind: "stall a wire",
    lane,
    strike: async (scene, random) => {
      const { member, proxy } = siteOf(scene, await pickMember(scene, random));
      const direction = random.pick(["both", "up", "down"] as const);
      proxy.stall({ direction, discard: random.chance(0.5) });
      await pause(random.between(1_000, 5_000), scene.stop);
      proxy.resume();
      return { target: member.name };
    },
  },
  {
    kind: "delay on all wires",
    lane,
    strike: async (scene, random) => {
      await delayed(scene, random.between(20, 200), random.between(2_000, 4_000));
      return { target: "all" };
    },
  },
];

/** What happens between members, each of which stays within reach of the clients. */
export const partitionFault: Fault = {
  kind: "part a member from the others",
  lane,
  strike: async (scene, random) => {
    const { network } = scene;
    if (!network) throw new Error("no network to part");
    const member = await pickMember(scene, random);
    await network.part(member.name);
    await pause(random.between(1_500, 5_000), scene.stop);
    await network.join(member.name);
    return { target: member.name };
  },
};

async function delayed({ cluster, stop }: Scene, ms: number, forMs: number): Promise<void> {
  for (const proxy of cluster.proxies) proxy.delay(ms);
  await pause(forMs, stop);
  for (const proxy of cluster.proxies) proxy.delay(0);
}
