/** What the Go program's line says it sent, in all: `Txn`, `Range`, …, and with a space in the name `watch stream`, `keepalive msg`, …. */
type Rpcs = Record<string, number>;

/** Its unary calls. */
export function unaryOf(rpcs: unknown): number {
  return total(rpcs as Rpcs, (name) => !name.includes(" "));
}

/** The streams it opened. */
export function streamsOf(rpcs: unknown): number {
  return total(rpcs as Rpcs, (name) => name.endsWith(" stream"));
}

function total(rpcs: Rpcs, wanted: (name: string) => boolean): number {
  let times = 0;
  for (const [name, count] of Object.entries(rpcs)) if (wanted(name)) times += count;
  return times;
}
