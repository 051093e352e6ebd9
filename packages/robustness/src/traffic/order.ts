/** What a client process is started with, as JSON. */
export interface ClientOrder {
  readonly name: string;
  readonly slot: string;
  readonly clients: number;
  readonly prefix: string;
  readonly ttl: number;
  readonly hosts: string[];
  readonly seed: string;
  /** Where it writes what it does. */
  readonly file: string;
}

/** What a client process is told while it runs. */
export type ClientCommand = { readonly do: "block"; readonly ms: number } | { readonly do: "stop" };

/** What it says. */
export type ClientNews =
  | { readonly news: "ready" }
  /** What it still waits for, though it was told to stop. */
  | { readonly news: "pending"; readonly pending: string[] };
