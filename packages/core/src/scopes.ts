/** Prefixes that end in a slash, and whether one more would have keys in common with them: two lookups for each slash in it. */
export class Scopes {
  readonly #scopes = new Set<string>();
  /** Every prefix of theirs that ends in a slash. */
  readonly #above = new Set<string>();

  overlap(scope: string): boolean {
    if (this.#above.has(scope)) return true;
    for (const prefix of prefixesOf(scope)) if (this.#scopes.has(prefix)) return true;
    return false;
  }

  add(scope: string): void {
    this.#scopes.add(scope);
    for (const prefix of prefixesOf(scope)) this.#above.add(prefix);
  }
}

/** Itself included. */
function prefixesOf(scope: string): string[] {
  const prefixes: string[] = [];
  for (let slash = scope.indexOf("/"); slash >= 0; slash = scope.indexOf("/", slash + 1)) {
    prefixes.push(scope.slice(0, slash + 1));
  }
  return prefixes;
}
