// One device among many: which values are worth a column, in which order devices stand, what sets one apart. PURE.

import type { Device, Latest, SensorSet } from "./types";

/** The last values of one device, by sensor. */
export type Values = Readonly<Record<string, Latest>>;

/** A kind of device that makes up so much of a fleet, or more, has a column of its own. */
const KIND_LEAST = 1 / 10;

/**
 * Sensors worth a column: those most devices have, the more important ones.
 * In a mixed fleet each kind of device that is worth it has at least one of them. One device is no kind:
 * what it alone measures is no column of the others.
 */
export function columnsOf(
  sets: readonly SensorSet[],
  most: number,
  byImportance: (a: { sensor: string }, b: { sensor: string }) => number,
): string[] {
  // What is offline measures nothing now; it has a say where nobody else has one.
  const online = kindsOf(sets, "online");
  const measuring = online.length > 0 ? online : kindsOf(sets, "devices");
  const needed: string[] = [];
  for (
    let rest = measuring;
    mostOf(countOf(rest)) > 1 && sizeOf(rest) >= sizeOf(measuring) * KIND_LEAST && needed.length < most;
  ) {
    const [sensor] = shared(rest, byImportance);
    needed.push(sensor!);
    rest = rest.filter(({ sensors }) => !sensors.includes(sensor!));
  }
  const all = shared(measuring, byImportance);
  const more = all.filter((sensor) => !needed.includes(sensor)).slice(0, most - needed.length);
  return [
    ...all.filter((sensor) => needed.includes(sensor) || more.includes(sensor)),
    ...needed.filter((sensor) => !all.includes(sensor)),
  ];
}

/** The columns, with the ones that a person asked for in place of the last others. */
export function withAsked(columns: readonly string[], asked: readonly string[], most: number): string[] {
  const more = asked.filter((sensor) => !columns.includes(sensor)).slice(0, most);
  const wanted = columns.filter((sensor) => asked.includes(sensor)).length;
  let others = Math.max(0, most - more.length - wanted);
  const kept = columns.filter((sensor) => asked.includes(sensor) || others-- > 0);
  return [...kept, ...more].slice(0, most);
}

/** The sensor sets of these devices, where all their values are known. Devices that measure nothing are left out. */
export function setsOf(devices: readonly Device[], latest: Readonly<Record<string, Values>>): SensorSet[] {
  const found = new Map<string, SensorSet>();
  for (const { id, status } of devices) {
    const sensors = Object.keys(latest[id] ?? {}).sort();
    if (sensors.length === 0) continue;
    const key = sensors.join("\n");
    const set = found.get(key) ?? { sensors, devices: 0, online: 0 };
    found.set(key, { sensors, devices: set.devices + 1, online: set.online + Number(status === "online") });
  }
  return [...found.values()];
}

/** Every sensor of these, the more important ones first. */
export const sensorsOf = (
  sets: readonly SensorSet[],
  byImportance: (a: { sensor: string }, b: { sensor: string }) => number,
): string[] =>
  [...new Set(sets.flatMap(({ sensors }) => sensors))]
    .map((sensor) => ({ sensor }))
    .sort(byImportance)
    .map(({ sensor }) => sensor);

/** Devices that measure the same, and how many of them there are. */
interface Kind {
  sensors: readonly string[];
  n: number;
}

const kindsOf = (sets: readonly SensorSet[], counting: "online" | "devices"): Kind[] =>
  sets.map(({ sensors, ...set }) => ({ sensors, n: set[counting] })).filter(({ n }) => n > 0);

const sizeOf = (kinds: readonly Kind[]) => kinds.reduce((sum, { n }) => sum + n, 0);

/** How many of these have each sensor. */
function countOf(kinds: readonly Kind[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { sensors, n } of kinds) for (const sensor of sensors) found.set(sensor, (found.get(sensor) ?? 0) + n);
  return found;
}

const mostOf = (counted: ReadonlyMap<string, number>) => Math.max(0, ...counted.values());

/**
 * Sensors that most of these have. A few that lack one do not move its column; a sensor of few is no column of all.
 * Where no two have one in common, those of the device that measures most.
 */
function shared(
  kinds: readonly Kind[],
  byImportance: (a: { sensor: string }, b: { sensor: string }) => number,
): string[] {
  const found = countOf(kinds);
  const largest = mostOf(found);
  if (largest === 1 && kinds.length > 1) {
    const richest = Math.max(...kinds.map(({ sensors }) => sensors.length));
    const theirs = kinds.filter(({ sensors }) => sensors.length === richest);
    if (theirs.length < kinds.length) return shared(theirs, byImportance);
  }
  return [...found]
    .filter(([, n]) => n * 2 >= largest)
    .map(([sensor]) => ({ sensor }))
    .sort(byImportance)
    .map(({ sensor }) => sensor);
}

/** The sensors of a device that has a line of its own: first the columns that it has, then its others. */
export function ownOf(
  values: Values | undefined,
  columns: readonly string[],
  most: number,
  byImportance: (a: { sensor: string }, b: { sensor: string }) => number,
): string[] {
  const own = Object.values(values ?? {}).sort(byImportance);
  const others = own.map(({ sensor }) => sensor).filter((sensor) => !columns.includes(sensor));
  return [...columns.filter((sensor) => values?.[sensor]), ...others].slice(0, most);
}

/** The columns, first the one that most of these devices have measured since then. */
export function byRecency(
  devices: readonly Device[],
  latest: Readonly<Record<string, Values>>,
  columns: readonly string[],
  since: number,
): string[] {
  const recent = (sensor: string) => devices.filter(({ id }) => Date.parse(latest[id]?.[sensor]?.at ?? "") > since);
  // Stable: of as many the first column stays the first.
  return columns
    .map((sensor) => ({ sensor, n: recent(sensor).length }))
    .sort((a, b) => b.n - a.n)
    .map(({ sensor }) => sensor);
}

export interface Odd {
  sensor: string;
  value: number;
  unit: string;
  /** The middle of the others. */
  usual: number;
  /** How many times the usual spread away. */
  score: number;
}

/** Nearer to the others than this many of their spreads is like the others. */
const ODD_FROM = 4;

export const isOdd = (odd: Odd | undefined): odd is Odd => odd !== undefined && odd.score >= ODD_FROM;

/**
 * Devices that stand by how odd they are, cut where the rest is like the others, with the words for that place.
 * Favourites stand first, odd or not. What is offline is compared with nobody, and stands last.
 */
export function cutAtOrdinary(
  devices: readonly Device[],
  odd: ReadonlyMap<string, Odd>,
): { unlike: readonly Device[]; words: string; alike: readonly Device[]; silent: readonly Device[] } {
  const cut = devices.findLastIndex(({ id }) => isOdd(odd.get(id))) + 1;
  const [unlike, rest] = [devices.slice(0, cut), devices.slice(cut)];
  const [alike, silent] = [true, false].map((up) => rest.filter(({ status }) => (status === "online") === up));
  const words =
    unlike.length > 0
      ? "Like the others"
      : devices.length < OTHERS_LEAST
        ? `Fewer than ${OTHERS_LEAST} devices: none stands out from the others`
        : "No device is unlike the others";
  return { unlike, words, alike: alike!, silent: silent! };
}

/** With fewer devices there are no "others". */
const OTHERS_LEAST = 5;
/** Sensors that grow for ever, or differ by what a device is: to be far from the others means nothing there. */
const NOT_ALIKE = /uptime|total|_bytes$|errors$|cycles$/;

/**
 * What sets each device apart most: the sensor whose value lies farthest from the middle of the others,
 * by their spread.
 */
export function oddities(
  devices: readonly Device[],
  latest: Readonly<Record<string, Values>>,
): ReadonlyMap<string, Odd> {
  const bySensor = new Map<string, Latest[]>();
  for (const { id, status } of devices) {
    // What is offline shows an old value: that is another matter.
    if (status !== "online") continue;
    for (const one of Object.values(latest[id] ?? {})) {
      if (NOT_ALIKE.test(one.sensor) || !Number.isFinite(one.value)) continue;
      const all = bySensor.get(one.sensor);
      if (all) all.push(one);
      else bySensor.set(one.sensor, [one]);
    }
  }
  const found = new Map<string, Odd>();
  for (const [sensor, all] of bySensor) {
    if (all.length < OTHERS_LEAST) continue;
    const usual = median(all.map(({ value }) => value));
    const apart = all.map(({ value }) => Math.abs(value - usual));
    // The median of the distances is what one outlier, or three of ten, cannot move; the mean where most are equal.
    const spread = median(apart) * 1.4826 || (apart.reduce((sum, one) => sum + one, 0) / apart.length) * 1.2533;
    if (spread === 0) continue;
    for (const { device, value, unit } of all) {
      const score = Math.abs(value - usual) / spread;
      if (score > (found.get(device)?.score ?? 0)) found.set(device, { sensor, value, unit, usual, score });
    }
  }
  return found;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `name`, `status`, `seen`, `odd`, or a sensor; with `-` before it the other way round. */
export type Sort = string;

const byName = new Intl.Collator(undefined, { numeric: true });
const STATUS = ["offline", "online", "pending", "blocked"];

export interface Sorting {
  latest: Readonly<Record<string, Values>>;
  alarms: ReadonlyMap<string, readonly unknown[]>;
  odd: ReadonlyMap<string, Odd>;
  seen: (device: Device) => number | null;
  /** Stand before all others, whatever the order. */
  favourites: ReadonlySet<string>;
}

/** Devices, which come by name, in another order; those without what is sorted by stand last, whichever way round. */
export function sorted(devices: readonly Device[], sort: Sort, sorting: Sorting): Device[] {
  const all = ordered(devices, sort, sorting);
  const isFavourite = ({ id }: Device) => sorting.favourites.has(id);
  return sorting.favourites.size === 0 ? all : [...all.filter(isFavourite), ...all.filter((one) => !isFavourite(one))];
}

function ordered(devices: readonly Device[], sort: Sort, { latest, alarms, odd, seen }: Sorting): Device[] {
  const down = sort.startsWith("-");
  const by = down ? sort.slice(1) : sort;
  const key = (device: Device): number | null => {
    switch (by) {
      case "status":
        return STATUS.indexOf(device.status) * 2 + (alarms.has(device.id) ? 0 : 1);
      case "seen":
        return seen(device);
      case "odd":
        return odd.has(device.id) ? -odd.get(device.id)!.score : null;
      default:
        return latest[device.id]?.[by]?.value ?? null;
    }
  };
  if (by === "name") return down ? [...devices].reverse() : [...devices];
  const rows = devices.map((device) => ({ device, key: key(device) }));
  // The sort is stable: equal devices stay in the order of their names.
  rows.sort((a, b) =>
    a.key === null || b.key === null
      ? Number(a.key === null) - Number(b.key === null)
      : down
        ? b.key - a.key
        : a.key - b.key,
  );
  return rows.map(({ device }) => device);
}

/** By what a list can be grouped: status, model, and every label that a device has. */
export function groupings(devices: readonly Device[]): string[] {
  const keys = new Set<string>();
  for (const device of devices) for (const key of Object.keys(device.labels)) keys.add(key);
  return ["status", "model", ...[...keys].filter((key) => key !== "status" && key !== "model").sort(byName.compare)];
}

export interface Group {
  value: string | null;
  devices: Device[];
}

/** Devices by a label, in the order they came; those without it last. */
export function grouped(devices: readonly Device[], by: string): Group[] {
  const found = new Map<string | null, Device[]>();
  for (const device of devices) {
    const value =
      by === "status"
        ? device.status
        : by === "model"
          ? device.model || null
          : Object.hasOwn(device.labels, by)
            ? device.labels[by]!
            : null;
    const all = found.get(value);
    if (all) all.push(device);
    else found.set(value, [device]);
  }
  return [...found]
    .map(([value, devices]) => ({ value, devices }))
    .sort(
      (a, b) => Number(a.value === null) - Number(b.value === null) || byName.compare(a.value ?? "", b.value ?? ""),
    );
}

/** Of values the largest are looked for more often than the smallest; of times the latest. */
export function firstWay(by: string): string {
  return ["name", "status", "odd"].includes(by) ? by : `-${by}`;
}
