import { eventually, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { openMember, present, settled } from "./gather.js";
import { deletes, withholdTxn } from "./late.js";
import { outcomeOf } from "./outcome.js";
import { seenBy } from "./seen-by.js";
import { stepIns } from "./step-in.js";

// What one that is being refused is to the others, while its key is still there.

const three = async (name: string) =>
  await Promise.all([openMember(name, 2), openMember(name, 2), openMember(name, 2)]);

test("another count: the others neither wait for it nor are let in by it, and go without it", async () => {
  const name = `${testPrefix()}double`;
  const [one, two] = await three(name);
  const other = await openMember(name, 5);
  const steps = stepIns(one.session.connection);
  const entering = [outcomeOf(one.double.enter())];
  await present(name, 1);
  const deletion = withholdTxn(other.session.connection, deletes, "and all after it");
  const refused = outcomeOf(other.double.enter());
  await eventually(() => deletion.withheld);
  await seenBy(one.session, name);
  expect(steps.due).toBe(0);
  entering.push(outcomeOf(two.double.enter()));
  expect(await settled(entering)).toEqual(["done", "done"]);
  const leaving = [one, two].map(({ double }) => outcomeOf(double.leave()));
  expect(await settled(leaving)).toEqual(["done", "done"]);
  deletion.letPass();
  expect(await refused.settled).toMatchObject({ code: "COUNT_MISMATCH" });
  await present(name, 0);
});
