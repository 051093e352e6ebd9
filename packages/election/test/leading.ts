import {
  type Connection,
  connect,
  type LeadEvent,
  type Leadership,
  type LeadOptions,
  lead,
} from "@etcdkit/election";
import { sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { onTestFinished } from "vitest";

export const why = new Error("that is enough");

export function open(hosts: string | string[] = sharedEtcd().endpoints): Connection {
  const etcd = connect({ hosts });
  onTestFinished(() => etcd.close());
  return etcd;
}

/** Resolves when the work should end. */
export function untilTold({ signal }: Leadership): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export interface Leading {
  readonly name: string;
  readonly events: LeadEvent[];
  /** What happened, leaders aside. */
  readonly story: () => string[];
  readonly stop: () => Promise<void>;
  readonly ended: Promise<void>;
  readonly signal: AbortSignal;
}

/** A service that leads in the background until it is stopped, and its story. */
export function leading(
  etcd: Connection,
  options: Partial<LeadOptions>,
  work: (leadership: Leadership) => Promise<void>,
  name = `${testPrefix()}service`,
): Leading {
  const controller = new AbortController();
  const { signal } = controller;
  const events: LeadEvent[] = [];
  const onChange = (event: LeadEvent) => void events.push(event);
  const ended = lead(etcd, name, { value: "v", ttl: 5, onChange, signal, ...options }, work);
  ended.catch(() => undefined);
  const story = () =>
    events
      .filter(({ type }) => type !== "leader")
      .map((event) => (event.type === "stopped" ? `${event.type}: ${event.why}` : event.type));
  const stop = () => {
    controller.abort(why);
    return ended;
  };
  onTestFinished(() => stop().catch(() => undefined));
  return { name, events, story, stop, ended, signal };
}
