import { expect, test } from "vitest";
import { Agenda } from "../src/agenda.js";

test("the earliest comes first, whatever was added in between", () => {
  const agenda = new Agenda<number>();
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % 1_000;
  };
  const expected: number[] = [];
  const taken: number[] = [];
  for (let n = 0; n < 10_000; n++) {
    if (random() < 550) {
      const at = random();
      agenda.add(at, at);
      expected.push(at);
    } else if (agenda.next) {
      const { at, item } = agenda.next;
      expect(at).toBe(item);
      expect(at).toBe(Math.min(...expected));
      taken.push(at);
      expected.splice(expected.indexOf(at), 1);
      agenda.shift();
    }
  }
  expect(taken.length).toBeGreaterThan(1_000);
  const rest: number[] = [];
  for (; agenda.next; agenda.shift()) rest.push(agenda.next.item);
  expect(rest).toEqual(expected.sort((a, b) => a - b));
});
