// A record of its entries alone. PURE.
//
// What a plain `{}` has under `constructor` or `__proto__` nobody put there;
// and devices name their sensors as they like.

/** The same entries, and nothing under any other key. */
export function bare<T>(entries: Readonly<Record<string, T>> = {}): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, entries);
}
