/** Throws a TypeError, or a RangeError for a number, unless `given` will do; what is absent will. */
export type Check = (given: unknown, what: string) => void;

/** One for each option. */
export type Checks<Options> = Readonly<Record<keyof Options, Check>>;

// a timer that is set for longer runs at once
const LONGEST_MS = 2 ** 31 - 1;

/** Throws unless `given` is an object, and all that it has will do. */
export function checkOptions<Options>(
  given: unknown,
  checks: Checks<Options>,
  what = "options",
): void {
  const within = what === "options" ? "" : `${what}.`;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TypeError(`${what} must be an object, not ${describe(given)}`);
  }
  for (const [name, check] of Object.entries<Check>(checks)) {
    check(given[name as never], `${within}${name}`);
  }
}

export function required(check: Check): Check {
  return (given, what) => {
    if (given === undefined) throw new TypeError(`${what} is missing`);
    check(given, what);
  };
}

export const checkFlag = mustBe("true or false", (given) => typeof given === "boolean");
export const checkFunction = mustBe("a function", (given) => typeof given === "function");
export const checkText = mustBe("a text", (given) => typeof given === "string");

/** A text that is not empty. */
export const checkWord: Check = (given, what) => {
  checkText(given, what);
  if (given === "") throw new TypeError(`${what} must not be empty`);
};

/** A number of at least 1. */
export const checkCount = mustCount("a whole number of at least 1", (given) => {
  return Number.isSafeInteger(given) && given >= 1;
});

/** A time that a timer can be set for. */
export function checkMs(least: number): Check {
  return mustCount(`from ${least} to ${LONGEST_MS}`, (given) => {
    return given >= least && given <= LONGEST_MS;
  });
}

export function checkOneOf(...words: string[]): Check {
  const quoted = words.map((word) => `"${word}"`);
  const list = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return mustBe(list, (given) => typeof given === "string" && words.includes(given));
}

export function checkList(check: Check): Check {
  const list = mustBe("a list", Array.isArray);
  return (given, what) => {
    list(given, what);
    for (const [index, one] of ((given as unknown[] | undefined) ?? []).entries()) {
      required(check)(one, `${what}[${index}]`);
    }
  };
}

export function mustBe(words: string, holds: (given: unknown) => boolean): Check {
  return (given, what) => {
    if (given === undefined || holds(given)) return;
    throw new TypeError(`${what} must be ${words}, not ${describe(given)}`);
  };
}

function mustCount(words: string, holds: (given: number) => boolean): Check {
  const number = mustBe("a number", (given) => typeof given === "number");
  return (given, what) => {
    number(given, what);
    if (typeof given !== "number" || holds(given)) return;
    throw new RangeError(`${what} must be ${words}: ${given}`);
  };
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "object") return `a ${value.constructor?.name ?? "object"}`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "symbol" || typeof value === "function") return `a ${typeof value}`;
  return `${value}`;
}
