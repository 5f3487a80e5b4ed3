// PURE. Labels as people type them: `room=attic, site=south`.

import { clean } from "./format";
import { Mistyped } from "./wrong";

/** What was typed. Throws `Mistyped`, for the field `labels`, where something is no label. */
export function readLabels(text: string): Record<string, string> {
  const pairs = text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1)
        throw new Mistyped("labels", `“${clean(pair, 40)}” is not a label: write key=value, such as site=south`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    });
  return Object.fromEntries(pairs) as Record<string, string>;
}

export const writeLabels = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
