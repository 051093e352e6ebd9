import { parseArgs } from "node:util";

export interface RobustnessOptions {
  readonly minutes: number;
  readonly seed: string;
  readonly clients: number;
  readonly ttl: number;
}

export const usage = `pnpm robustness [options]

  --minutes N   how long traffic and faults go on (2)
  --seed S      of faults and traffic (drawn)
  --clients N   how many client processes (4)
  --ttl S       of their sessions, in seconds (3)
`;

/** Throws a `TypeError` for what is no option. `undefined`: asked for help. */
export function readOptions(args: string[]): RobustnessOptions | undefined {
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    options: {
      minutes: { type: "string", default: "2" },
      seed: { type: "string", default: `${Math.floor(Math.random() * 1e6)}` },
      clients: { type: "string", default: "4" },
      ttl: { type: "string", default: "3" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  if (!/^[\w-]+$/.test(values.seed)) throw new TypeError("--seed takes letters and digits");
  return {
    seed: values.seed,
    minutes: numberOf("minutes", values.minutes, 0.1),
    clients: numberOf("clients", values.clients, 3),
    ttl: numberOf("ttl", values.ttl, 2),
  };
}

function numberOf(option: string, text: string, least: number): number {
  const number = Number(text);
  if (!(number >= least)) throw new TypeError(`--${option} must be at least ${least}, not ${text}`);
  return number;
}
