import { type Connection, connect } from "@etcdkit/core";
import type { Etcd3, IOptions } from "etcd3";

/** Counts what is sent, by the option in which etcd3 asks for the options of each call: that costs nothing beside a call. */
export class Calls {
  unary = 0;
  streams = 0;

  readonly options: Pick<IOptions, "defaultCallOptions"> = {
    defaultCallOptions: ({ isStream }) => {
      if (isStream) this.streams++;
      else this.unary++;
      return {};
    },
  };

  connect(hosts: string[]): Connection {
    return connect({ hosts, ...this.options });
  }

  /** A client of etcd3, for those who work without etcdkit. */
  etcd3(hosts: string[]): Etcd3 {
    return this.connect(hosts).client as Etcd3;
  }
}
