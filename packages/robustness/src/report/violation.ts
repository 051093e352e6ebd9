/** Something that must not have happened. */
export interface Violation {
  /** Which promise it breaks. */
  readonly check: string;
  readonly told: string;
}
