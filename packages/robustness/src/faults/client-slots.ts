import { join } from "node:path";
import type { ClientOrder } from "../traffic/order.js";
import { ClientChild } from "./client-child.js";
import type { Janitor } from "./janitor.js";

/** The client processes: a killed one is replaced by another in its slot. */
export class ClientSlots {
  readonly #common: Omit<ClientOrder, "name" | "slot" | "seed" | "file">;
  readonly #seed: string;
  readonly #folder: string;
  readonly #janitor: Janitor;
  readonly #all: ClientChild[] = [];
  readonly #now = new Map<string, ClientChild>();

  constructor(
    common: Omit<ClientOrder, "name" | "slot" | "seed" | "file">,
    { seed, folder, janitor }: { seed: string; folder: string; janitor: Janitor },
  ) {
    this.#common = common;
    this.#seed = seed;
    this.#folder = folder;
    this.#janitor = janitor;
  }

  get slots(): string[] {
    return [...this.#now.keys()];
  }

  /** Starts one in each slot. */
  async start(): Promise<void> {
    for (let index = 1; index <= this.#common.clients; index++) this.#fill(`client-${index}`);
    await Promise.all([...this.#now.values()].map((client) => client.ready()));
  }

  in(slot: string): ClientChild {
    const client = this.#now.get(slot);
    if (!client) throw new RangeError(`there is no ${slot}`);
    return client;
  }

  /** Undefined for one that was replaced. */
  named(name: string): ClientChild | undefined {
    return [...this.#now.values()].find((client) => client.name === name);
  }

  /** Kills it, and starts another one. */
  async replace(slot: string): Promise<void> {
    await this.in(slot).kill();
    await this.#fill(slot).ready();
  }

  /** What each still waited for when the time was over. */
  async stop(withinMs: number): Promise<string[]> {
    const stopped = [...this.#now.values()].map(async (client) => {
      if (client.failed) return [];
      const pending = await client.stop(withinMs);
      return pending.map((what) => `${client.name}: ${what}`);
    });
    return (await Promise.all(stopped)).flat();
  }

  /** However they are. */
  async kill(): Promise<void> {
    await Promise.all([...this.#now.values()].map((client) => client.kill()));
  }

  /** Those that ended though nobody wanted it, with what they said. */
  get failed(): string[] {
    return this.#all
      .filter(({ failed }) => failed)
      .map(({ name, complaints }) => `${name} ended by itself: ${complaints.slice(-1_000)}`);
  }

  /** What they said on stderr. */
  get complaints(): string[] {
    return this.#all.flatMap(({ name, complaints }) =>
      complaints ? [`${name}: ${complaints}`] : [],
    );
  }

  #fill(slot: string): ClientChild {
    const life = this.#all.filter(({ order }) => order.slot === slot).length + 1;
    const name = `${slot}.${life}`;
    const file = join(this.#folder, `${name}.jsonl`);
    const order = { ...this.#common, name, slot, seed: `${this.#seed} ${name}`, file };
    const client = new ClientChild(order, this.#janitor);
    this.#all.push(client);
    this.#now.set(slot, client);
    return client;
  }
}
