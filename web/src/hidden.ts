// What stands in place of what lets in. PURE.

/** What the hub writes in place of what lets in: of a secret nobody is told more than that there is one. */
export const HIDDEN = "(hidden)";
