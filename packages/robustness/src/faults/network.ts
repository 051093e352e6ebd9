import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { MemberNetwork } from "@etcdkit/testing";
import type { Janitor } from "./janitor.js";

const run = promisify(execFile);

/** A block for measurements of networks, that nothing else uses (RFC 2544): 198.18.<third>.0/24 is the run's. */
const BLOCK = "198.18";
const TRIES = 20;

/** Each member in a network namespace of its own, with one way to the clients and another one to the other members. */
export class Network implements AsyncDisposable {
  readonly #tag: string;
  readonly #block: string;
  readonly #members: readonly string[];

  private constructor(tag: string, block: string, members: readonly string[]) {
    this.#tag = tag;
    this.#block = block;
    this.#members = members;
  }

  /** Where this machine has none to give, the reason why in the place of it. */
  static async make(members: readonly string[], janitor: Janitor): Promise<Network | string> {
    if (process.platform !== "linux") return "network namespaces are Linux's";
    if (process.getuid?.() !== 0) return "network namespaces take root";
    let network: Network | undefined;
    try {
      network = new Network(`ek${process.pid}`, await freeBlock(), members);
      await network.#make(janitor);
      return network;
    } catch (error) {
      await network?.[Symbol.asyncDispose]();
      const told = error instanceof Error ? error.message.trim().split("\n").at(-1) : error;
      return `network namespaces cannot be made: ${told}`;
    }
  }

  /** Where the member of this name runs. */
  of(member: string): MemberNetwork {
    const index = this.#indexOf(member);
    return {
      clientHost: this.#clients(index, 2),
      peerHost: this.#peers(index),
      command: ["ip", "netns", "exec", this.#space(index)],
    };
  }

  /** From now on the others do not reach this member, nor it them; clients do, on another wire. */
  async part(member: string): Promise<void> {
    const port = `p${this.#indexOf(member)}`;
    await run("ip", ["-n", this.#space("hub"), "link", "set", port, "down"]);
  }

  async join(member: string): Promise<void> {
    const port = `p${this.#indexOf(member)}`;
    await run("ip", ["-n", this.#space("hub"), "link", "set", port, "up"]);
  }

  /** With a namespace goes one end of each of its wires, and so the wire. */
  async [Symbol.asyncDispose](): Promise<void> {
    const spaces = ["hub", ...this.#members.keys()].map((which) => this.#space(which));
    for (const space of spaces) await run("ip", ["netns", "delete", space]).catch(() => undefined);
  }

  async #make(janitor: Janitor): Promise<void> {
    const hub = this.#space("hub");
    janitor.namespace(hub);
    await run("ip", ["netns", "add", hub]);
    await run("ip", ["-n", hub, "link", "add", "hub", "type", "bridge"]);
    await run("ip", ["-n", hub, "link", "set", "hub", "up"]);
    for (const index of this.#members.keys()) await this.#wire(index, hub, janitor);
  }

  async #wire(index: number, hub: string, janitor: Janitor): Promise<void> {
    const space = this.#space(index);
    janitor.namespace(space);
    await run("ip", ["netns", "add", space]);
    const inside = (...args: string[]) => run("ip", ["-n", space, ...args]);
    await inside("link", "set", "lo", "up");
    const port = `p${index}`;
    await inside("link", "add", "peers", "type", "veth", "peer", "name", port, "netns", hub);
    await inside("address", "add", `${this.#peers(index)}/26`, "dev", "peers");
    await inside("link", "set", "peers", "up");
    await run("ip", ["-n", hub, "link", "set", port, "master", "hub"]);
    await run("ip", ["-n", hub, "link", "set", port, "up"]);
    const wire = `${this.#tag}-${index}`;
    await run("ip", [
      "link",
      "add",
      wire,
      "type",
      "veth",
      "peer",
      "name",
      "clients",
      "netns",
      space,
    ]);
    await run("ip", ["address", "add", `${this.#clients(index, 1)}/30`, "dev", wire]);
    await run("ip", ["link", "set", wire, "up"]);
    await inside("address", "add", `${this.#clients(index, 2)}/30`, "dev", "clients");
    await inside("link", "set", "clients", "up");
  }

  #space(which: string | number): string {
    return `${this.#tag}-${which}`;
  }

  #indexOf(member: string): number {
    const index = this.#members.indexOf(member);
    if (index < 0) throw new RangeError(`there is no member ${member}`);
    return index;
  }

  /** The first quarter of the block: between members. */
  #peers(index: number): string {
    return `${this.#block}.${index + 1}`;
  }

  /** The rest, four addresses for each wire: 1 is this machine's end, 2 the member's. */
  #clients(index: number, end: 1 | 2): string {
    return `${this.#block}.${64 + 4 * index + end}`;
  }
}

async function freeBlock(): Promise<string> {
  const { stdout } = await run("ip", ["-4", "route", "show"]);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const block = `${BLOCK}.${Math.floor(Math.random() * 256)}`;
    if (!stdout.includes(`${block}.`)) return block;
  }
  throw new Error(`no free block in ${BLOCK}.0.0/16`);
}
