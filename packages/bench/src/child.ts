import { writeSync } from "node:fs";
import type { Order } from "./child-process.js";
import { endOnSignals } from "./ending.js";
import { workloads } from "./workloads/all.js";
import { holdLocks } from "./workloads/take-over.js";

endOnSignals();

/** One workload by one peer, in a process of its own; prints its figures as one line of JSON. */
const order = JSON.parse(process.argv[2] ?? "") as Order;

if ("hold" in order) {
  await holdLocks(order.endpoints);
  writeSync(1, "held\n");
} else {
  const run = workloads.find(({ name }) => name === order.workload)?.run[order.peer];
  if (!run) throw new Error(`${order.peer} has no ${order.workload}`);
  const figures = await run(order);
  writeSync(1, `${JSON.stringify(figures)}\n`);
  // whatever is still open is tidied up from outside
  process.exit();
}
