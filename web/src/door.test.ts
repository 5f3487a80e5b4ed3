import { expect, test } from "vitest";
import { guess, refusals } from "./door";

test("what was refused most comes first, in words", () => {
  expect(refusals({ text: 2, disk_full: 7, new_one: 1 })).toEqual([
    { reason: "disk_full", count: 7, means: "the disk is full" },
    { reason: "text", count: 2, means: "texts that are no number" },
    { reason: "new_one", count: 1, means: "new one" },
  ]);
});

test("a topic is guessed by its levels and its last message", () => {
  const door = { topic: "house/door/bell", device: "house/door", sensor: "bell" };
  expect(guess("house/door/bell", "ding")).toEqual({ ...door, value: "", on: "ding", off: "" });
  expect(guess("house/door/bell", '{"a/b":[{"x":"ding"}]}')).toEqual({ ...door, value: "/a~1b/0/x", on: "", off: "" });
  expect(guess("bell", "")).toEqual({ topic: "bell", device: "bell", sensor: "bell", value: "", on: "", off: "" });
});
