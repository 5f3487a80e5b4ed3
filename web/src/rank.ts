// Which sensors a person looks for first. PURE. The rest follows by name, so that a list never reorders itself.

const FIRST = [
  /^temp/i,
  /^hum/i,
  /^cpu.*(used|load)/i,
  /^mem.*used/i,
  /press|co2|power|volt/i,
  /^load/i,
  /^disk.*used/i,
];
const byName = new Intl.Collator("en", { numeric: true });

export function byImportance(a: { sensor: string }, b: { sensor: string }): number {
  return rank(a.sensor) - rank(b.sensor) || byName.compare(a.sensor, b.sensor);
}

function rank(sensor: string): number {
  const at = FIRST.findIndex((pattern) => pattern.test(sensor));
  return at < 0 ? FIRST.length : at;
}
