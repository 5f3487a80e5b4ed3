// What is wrong with a form, and with which of its fields. PURE.

/** `field` as the hub names it, `condition.clear`; empty where it is about no field. */
export interface Wrong {
  field: string;
  problem: string;
}

/** What was typed cannot be sent: told at its field, as if the hub had refused it. */
export class Mistyped extends Error {
  constructor(
    readonly field: string,
    problem: string,
  ) {
    super(problem);
  }
}
