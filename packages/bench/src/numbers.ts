import type { Spread } from "./compare.js";

/** Three digits, below 1 two, and no more. */
export function short(value: number): string {
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(Math.abs(value)));
  const digits = Math.max((power < 0 ? 1 : 2) - power, 0);
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 4) });
}

/** The median, and where they differ the least and the most. */
export function spreadOf({ median, least, most }: Spread, unit = ""): string {
  const middle = `${short(median)}${unit}`;
  const [from, to] = [short(least), short(most)];
  return from === to ? middle : `${middle} (${from}–${to})`;
}
