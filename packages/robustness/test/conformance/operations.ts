import * as fc from "fast-check";

/** Operations in terms that mean the same to any etcd: keys by letter, leases by number, revisions counted from the newest. */
export type Operation =
  | { do: "txn"; txn: SomeTxn }
  | { do: "range"; range: SomeRange }
  | { do: "grant" | "revoke" | "left" | "renew"; lease: number; ttl: number }
  | { do: "watch"; range: Keys; back: number | undefined; prevKv: boolean }
  | { do: "unwatch"; index: number }
  | { do: "compact"; back: number };

/** `to` undefined: one key; "": to the end of the test's keys. */
export interface Keys {
  from: string;
  to: string | undefined;
}

export interface SomeRange extends Keys {
  limit: number;
  /** undefined: the newest. */
  back: number | undefined;
  sort: { by: "create" | "key"; order: "ascend" | "descend" } | undefined;
  keysOnly: boolean;
  countOnly: boolean;
  createdBack: number | undefined;
}

export interface SomeCompare extends Keys {
  target: "createRevision" | "modRevision" | "lease";
  /** Of a lease: its number; of a revision: how far back; undefined: 0. */
  value: number | undefined;
}

export type SomeOp =
  | { put: { key: string; value: string; lease: number | undefined } }
  | { range: SomeRange }
  | { delete: Keys }
  | { txn: SomeTxn };

export interface SomeTxn {
  compare: SomeCompare[];
  success: SomeOp[];
  failure: SomeOp[];
}

const letter = fc.constantFrom("a", "b", "c", "d", "e");
const lease = fc.nat({ max: 2 });
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
// -1 is a revision that is yet to come
const back = fc.integer({ min: -1, max: 6 });

// a range that ends before it begins is refused by a watch, without an id
const keys: fc.Arbitrary<Keys> = fc
  .record({ from: letter, to: fc.constantFrom(undefined, undefined, "c", "e", "") })
  .map(({ from, to }) => ({ from, to: to && to <= from ? "" : to }));

const range: fc.Arbitrary<SomeRange> = fc
  .record({
    limit: fc.constantFrom(0, 0, 1, 2),
    back: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, back),
    sort: maybe(
      fc.record({
        by: fc.constantFrom("create" as const, "key" as const),
        order: fc.constantFrom("ascend" as const, "descend" as const),
      }),
    ),
    keysOnly: fc.boolean(),
    countOnly: fc.nat({ max: 4 }).map((chance) => chance === 0),
    createdBack: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, back),
  })
  .chain((rest) => keys.map((own) => ({ ...own, ...rest })));

const compare: fc.Arbitrary<SomeCompare> = fc
  .record({
    target: fc.constantFrom("createRevision" as const, "modRevision" as const, "lease" as const),
    value: maybe(fc.nat({ max: 4 })),
  })
  .chain((rest) => keys.map((own) => ({ ...own, ...rest })));

const { txn } = fc.letrec<{ txn: SomeTxn; op: SomeOp }>((tie) => ({
  op: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 4, arbitrary: fc.record({ put: putOf() }) },
    { weight: 2, arbitrary: fc.record({ range }) },
    { weight: 2, arbitrary: fc.record({ delete: keys }) },
    { weight: 2, arbitrary: fc.record({ txn: tie("txn") }) },
  ),
  txn: fc.record({
    compare: fc.array(compare, { maxLength: 2 }),
    success: fc.array(tie("op"), { maxLength: 3 }),
    failure: fc.array(tie("op"), { maxLength: 3 }),
  }),
}));

function putOf() {
  return fc.record({ key: letter, value: fc.constantFrom("x", "y"), lease: maybe(lease) });
}

export const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("txn" as const), txn }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("range" as const), range }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom("grant" as const, "revoke" as const, "left" as const, "renew" as const),
        lease,
        // none runs out within the test
        ttl: fc.integer({ min: 100, max: 600 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("watch" as const),
        range: keys,
        back: maybe(back),
        prevKv: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("unwatch" as const), index: fc.nat({ max: 2 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("compact" as const), back }) },
  ),
  { minLength: 5, maxLength: 25 },
);
