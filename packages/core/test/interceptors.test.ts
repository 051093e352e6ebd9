import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { InterceptingCall, type Interceptor, type InterceptorProvider } from "@grpc/grpc-js";
import type { IOptions } from "etcd3";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";

const seen = new Set<string>();

const interceptor: Interceptor = (options, nextCall) => {
  seen.add(options.method_definition.path);
  return new InterceptingCall(nextCall(options));
};
const provider: InterceptorProvider =
  ({ path }) =>
  (options, nextCall) => {
    seen.add(path);
    return new InterceptingCall(nextCall(options));
  };
// which grpc-js takes, though its types do not know it
const none = (() => undefined) as unknown as InterceptorProvider;

const given: [string, NonNullable<IOptions["defaultCallOptions"]>][] = [
  ["interceptors", { interceptors: [interceptor] }],
  [
    "providers of interceptors, also where one gives none",
    { interceptor_providers: [none, provider] },
  ],
];

it.each(given)("calls and streams pass the user's %s", async (_, defaultCallOptions) => {
  seen.clear();
  const options = { hosts: sharedEtcd().endpoints, defaultCallOptions };
  const connection = openConnection(options, new SystemClock());
  onTestFinished(() => connection.close());
  const key = Buffer.from("absent");
  await connection.call((etcd, call) => etcd.range({ key }, call), { what: "test" });
  let created = false;
  connection.watches.open(
    { key },
    {
      created: () => {
        created = true;
      },
      events: () => undefined,
      ended: ({ kind }) => expect(kind).toBe("closed"),
    },
  );
  await eventually(() => created);
  await connection.client.delete().key("absent");
  expect([...seen].sort()).toEqual([
    "/etcdserverpb.KV/DeleteRange",
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.Watch/Watch",
  ]);
});
