// What a person typed about a webhook, as the hub is told. PURE.

/** A header in the form; of one that is stored the value is known to the hub only. */
export interface HeaderRow {
  name: string;
  value: string;
  stored: boolean;
}

export const rowsOf = (headers: Record<string, string>): HeaderRow[] =>
  Object.keys(headers).map((name) => ({ name, value: "", stored: true }));

/**
 * The change of headers: those typed are set, those taken away are null,
 * a stored one with nothing typed stays as it is.
 */
export function headersChange(
  stored: Record<string, string>,
  rows: readonly HeaderRow[],
): Record<string, string | null> {
  const gone = Object.keys(stored).filter(
    (name) => !rows.some((row) => row.name.trim().toLowerCase() === name.toLowerCase()),
  );
  const typed = rows.filter((row) => (row.stored ? row.value !== "" : row.name.trim() !== "" || row.value !== ""));
  return Object.fromEntries([
    ...gone.map((name) => [name, null]),
    ...typed.map((row) => [row.name.trim(), row.value.trim()]),
  ]);
}

/** How many messages were given up; the hub counts to a thousand. */
export function failedText(failed: number): string {
  if (failed === 1) return "One message failed.";
  return failed >= 1_000 ? "A thousand messages or more failed." : `${failed} messages failed.`;
}

/** By how many of the rules it is used. */
export function usedBy(rules: number, all: number): string {
  if (all === 0)
    return "No rule uses it yet: it is notified only when a device goes offline and of the hub's own problems.";
  if (rules === 0)
    return "Used by no rule: it is notified only when a device goes offline and of the hub's own problems.";
  if (rules >= all) return all === 1 ? "Used by your only rule." : `Used by all ${all} rules.`;
  return `Used by ${rules} of ${all} rules.`;
}
