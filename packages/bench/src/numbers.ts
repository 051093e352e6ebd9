import type { Spread } from "./compare.js";

/** Three digits, and no more. */
export function short(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(2 - Math.floor(Math.log10(Math.abs(value))), 0);
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 4) });
}

/** The median, and where they differ the least and the most. */
export function spreadOf({ median, least, most }: Spread, unit = ""): string {
  const middle = `${short(median)}${unit}`;
  const [from, to] = [short(least), short(most)];
  return from === to ? middle : `${middle} (${from}–${to})`;
}
