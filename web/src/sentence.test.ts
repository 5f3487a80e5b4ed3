import { expect, test } from "vitest";
import { sentence } from "./sentence";

test.each([
  ["the password is wrong", "The password is wrong."],
  ["mem.used_pct is no name", "mem.used_pct is no name."],
  ["`a` is not a time: write now-6h", "`a` is not a time: write now-6h."],
  ["Done.", "Done."],
  ["boiler continues on the new hardware.", "boiler continues on the new hardware."],
  ["", ""],
])("a sentence of the page: %s", (text, said) => {
  expect(sentence(text)).toBe(said);
});
