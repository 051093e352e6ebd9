import { SimulatedClient } from "./client.js";
import { SimulatedCluster } from "./cluster/cluster.js";
import { SimulatedProcess } from "./cluster/process.js";
import { History } from "./history.js";
import { drained, Schedule } from "./schedule.js";
import { SeededRandom } from "./seeded-random.js";

export interface SimulationOptions {
  seed: number;
  members: number;
  /** Keep the lines of the history. */
  trace?: boolean;
}

/** A cluster, its clients and the time they live in. */
export class Simulation {
  readonly schedule = new Schedule();
  readonly history: History;
  readonly random: SeededRandom;
  readonly cluster: SimulatedCluster;
  readonly clients: SimulatedClient[] = [];

  constructor({ seed, members, trace = false }: SimulationOptions) {
    this.random = new SeededRandom(seed);
    this.history = new History(() => this.schedule.now, trace);
    const random = this.random.fork("cluster");
    this.cluster = new SimulatedCluster(this.schedule, random, this.history, members);
  }

  addClient(name = `c${this.clients.length}`): SimulatedClient {
    const random = this.random.fork(`client ${name}`);
    const process = new SimulatedProcess(name, this.schedule, random);
    const client = new SimulatedClient(this.cluster, process, random);
    this.clients.push(client);
    return client;
  }

  /** Lets the world go on until `promise` is settled, and gives what it gives. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const noted = promise.finally(() => {
      over = true;
    });
    noted.catch(() => undefined);
    await drained();
    while (!over && (await this.schedule.step()));
    return noted;
  }

  /** Lets `ms` of simulated time pass. */
  async pass(ms: number): Promise<void> {
    let over = false;
    this.schedule.after(ms, () => {
      over = true;
    });
    while (!over && (await this.schedule.step()));
  }
}
