import { describe, expect, test } from "vitest";
import { glob, sentence, wouldFire } from "./rule";

describe("globs", () => {
  test("a star is any text, a dot is a dot", () => {
    expect(glob("temp*", "temp.inside")).toBe(true);
    expect(glob("temp.inside", "tempXinside")).toBe(false);
    expect(glob("*", "")).toBe(true);
    expect(glob("room-?", "room-12")).toBe(false);
    expect(glob("a[b]*", "a[b]c")).toBe(true);
  });
});

test("a rule reads as a sentence", () => {
  expect(sentence({ device: "*", sensor: "temp", condition: { type: "threshold", op: ">", value: 30 }, for: "60s" })).toBe("temp of any device > 30 for 60s");
});

describe("would have fired", () => {
  const line = (values: (number | null)[]) => ({ t: values.map((_, i) => i * 60_000), min: values, max: values });
  test("every crossing that holds", () => {
    expect(wouldFire(line([20, 31, 31, 20, 31, 31]), ">", 30, null, 0)).toBe(2);
    expect(wouldFire(line([20, 31, 20, 31, 31, 31, 20]), ">", 30, null, 120_000)).toBe(1);
  });
  test("a value between clear and limit does not fire again", () => {
    expect(wouldFire(line([31, 29, 31, 29, 31]), ">", 30, 28, 0)).toBe(1);
    expect(wouldFire(line([31, 27, 31]), ">", 30, 28, 0)).toBe(2);
  });
  test("buckets without data decide nothing", () => {
    expect(wouldFire(line([31, null, 31]), ">", 30, null, 120_000)).toBe(1);
  });
});
