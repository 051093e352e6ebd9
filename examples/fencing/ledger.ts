/** Some storage that is not etcd. It remembers the largest fencing token it has seen, and refuses smaller ones. */
export class Ledger {
  readonly entries: string[] = [];
  #largest = 0n;

  /** False if somebody with a later lock was here before; then nothing is written. */
  write(entry: string, fencingToken: bigint): boolean {
    if (fencingToken < this.#largest) return false;
    this.#largest = fencingToken;
    this.entries.push(entry);
    return true;
  }
}
