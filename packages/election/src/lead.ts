import type { Connection } from "@etcdkit/core";
import { checkName, internals } from "@etcdkit/core/internal";
import { checkLeadOptions, type LeadOptions } from "./lead-options.js";
import type { Leadership } from "./leadership.js";
import { Service } from "./service.js";

/**
 * For services: campaigns, runs `work` while leading, and does so again after each loss with a new session, until `signal`
 * aborts; then it resigns, so that the next candidate leads at once, and resolves. `work` should end when `leadership.signal`
 * aborts: on loss, or when `lead()` is to end. Until it has, nothing else is begun: there are never two at work here. An outage
 * of etcd is waited out.
 *
 * When `work` returns by itself its term is over: the leadership is resigned and, after a short pause, campaigned for again,
 * behind the others. When it throws by itself, `lead()` resigns and rejects with that: it should catch what passes, a failed write
 * in an outage that the leadership outlasts say. What it throws once the leadership is lost, or once it was told to end, is its
 * way of ending, told by the `stopped` event alone.
 *
 * @throws TypeError, RangeError for bad arguments, before anything is sent
 * @throws what `work` or `onChange` threw; CoordinationError `PERMISSION_DENIED`, `UNAUTHENTICATED`; SessionClosedError or
 *   `CONNECTION_CLOSED` when the connection is closed first
 */
export async function lead(
  etcd: Connection,
  name: string,
  options: LeadOptions,
  work: (leadership: Leadership) => Promise<void>,
): Promise<void> {
  internals(etcd);
  checkName(name, "the name of an election");
  const { signal, ...rest } = checkLeadOptions(options, work);
  const service = new Service(etcd, name, rest, work);
  const stop = () => service.stop(signal?.reason);
  if (signal?.aborted) return;
  signal?.addEventListener("abort", stop);
  try {
    await service.run();
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
