// Devices that a person wants on top of the list. Remembered by the browser, like the choice of a time zone.

import { signal } from "@preact/signals";

const KEY = "favourites";
/** More on top than fit on a screen are no favourites. */
const MOST = 100;

/** Their ids. */
export const favourites = signal<ReadonlySet<string>>(remembered());

export function favour(id: string): void {
  const before = favourites.value;
  favourites.value = before.has(id)
    ? new Set([...before].filter((one) => one !== id))
    : new Set([...before, id].slice(-MOST));
  try {
    localStorage.setItem(KEY, JSON.stringify([...favourites.value]));
  } catch {
    // A browser that keeps nothing: they hold until the page is closed.
  }
}

function remembered(): ReadonlySet<string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return new Set(
      Array.isArray(kept) ? kept.filter((one): one is string => typeof one === "string").slice(-MOST) : [],
    );
  } catch {
    return new Set();
  }
}
