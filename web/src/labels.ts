// PURE. Labels as people type them: `room=attic, site=south`.

import { clean } from "./format";
import { Mistyped } from "./wrong";

const HOW = {
  labels: "label: write key=value, such as site=south",
  tags: "tag: write key=value, such as team=x",
};

/** What was typed. Throws `Mistyped`, for the field, where something is no label, or tag. */
export function readLabels(text: string, field: keyof typeof HOW = "labels"): Record<string, string> {
  const pairs = text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new Mistyped(field, `“${clean(pair, 40)}” is not a ${HOW[field]}`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    });
  return Object.fromEntries(pairs) as Record<string, string>;
}

export const writeLabels = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
