import type { KeyEvent, Micros } from "./record.js";

/** A key from its creation to its deletion; one that is made again has another life. */
export interface KeyLife {
  readonly key: string;
  readonly createRevision: number;
  readonly lease: string;
  readonly puts: readonly { readonly revision: number; readonly value: string }[];
  /** The revision of its deletion; infinite for one that still is there. */
  readonly endRevision: number;
  /** By when it was gone. */
  readonly endAt: Micros;
}

/** The lives of all keys under `prefix`, by their create revision; those made at the same one in the order of the history. */
export function livesUnder(history: readonly KeyEvent[], prefix: string): KeyLife[] {
  const lives: KeyLife[] = [];
  const standing = new Map<
    string,
    { index: number; puts: { revision: number; value: string }[] }
  >();
  for (const { type, key, revision, value, lease, at } of history) {
    if (!key.startsWith(prefix)) continue;
    const open = standing.get(key);
    if (type === "put") {
      if (open) {
        open.puts.push({ revision, value });
        continue;
      }
      const puts = [{ revision, value }];
      standing.set(key, { index: lives.length, puts });
      lives.push({
        key,
        createRevision: revision,
        lease,
        puts,
        endRevision: Number.POSITIVE_INFINITY,
        endAt: Number.POSITIVE_INFINITY,
      });
    } else if (open) {
      const life = lives[open.index];
      if (life) lives[open.index] = { ...life, endRevision: revision, endAt: at };
      standing.delete(key);
    }
  }
  return lives;
}
