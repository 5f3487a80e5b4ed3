// What is wrong with a form, and with which of its fields. PURE.

/** `field` as the hub names it, `condition.clear`; empty where it is about no field. */
export interface Wrong {
  field: string;
  problem: string;
}
