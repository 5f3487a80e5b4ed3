// Rules as the page reads them: whom they watch, what they say, what they would have done. PURE.

import { glob, watches } from "./alert";
import { OF_DEVICE } from "./condition";
import { apart, clean, cleanName, digits, duration, exact, limitOf, measured, parseSpan } from "./format";
import { title } from "./names";
import type { Alert, Backtest, Condition, Device, Latest, Op, Rule } from "./types";

/** The one unit of what a rule watches, as far as that is known; none where there are several. */
export function unitOf(
  rule: Pick<Rule, "device" | "sensor" | "labels">,
  devices: readonly Device[],
  latest: Readonly<Record<string, Readonly<Record<string, Latest>>>>,
): string {
  const units = new Set<string>();
  // A fleet has few names of sensors; those that do not match tell nothing of a unit either.
  const matching = new Map<string, boolean>();
  for (const device of devices) {
    for (const { sensor, unit } of Object.values(latest[device.id] ?? {})) {
      if (!matching.has(sensor)) matching.set(sensor, glob(rule.sensor, sensor));
      if (matching.get(sensor) && !units.has(unit) && watches(rule, device, sensor)) units.add(unit);
    }
    if (units.size > 1) return "";
  }
  return [...units][0] ?? "";
}

/** The units of the other sensors that a rule names, by their names. */
export function unitsOfParts(
  rule: Pick<Rule, "device" | "labels" | "condition">,
  devices: readonly Device[],
  latest: Readonly<Record<string, Readonly<Record<string, Latest>>>>,
): ReadonlyMap<string, string> {
  const parts = rule.condition.type === "all" || rule.condition.type === "any" ? rule.condition.parts : [];
  const names = parts.flatMap(({ sensor }) => (sensor ? [sensor] : []));
  return new Map(names.map((sensor) => [sensor, unitOf({ ...rule, sensor }, devices, latest)]));
}

/** Whether nothing there is is what the rule watches; not said while the values of some device are not known yet. */
export function watchesNothing(
  rule: Pick<Rule, "device" | "sensor" | "labels" | "condition">,
  devices: readonly Device[],
  latest: Readonly<Record<string, Readonly<Record<string, Latest>>>>,
): boolean {
  const isOfDevice = OF_DEVICE.has(rule.condition.type);
  if (isOfDevice) return !devices.some((device) => watches(rule, device, ""));
  const matching = new Map<string, boolean>();
  for (const device of devices) {
    const sensors = Object.keys(latest[device.id] ?? {});
    if (sensors.length === 0 && device.sensors > 0) return false;
    for (const sensor of sensors) {
      if (!matching.has(sensor)) matching.set(sensor, glob(rule.sensor, sensor));
      if (matching.get(sensor) && watches(rule, device, sensor)) return false;
    }
  }
  return true;
}

/** The rule in one sentence, its limits in `unit`, those of other sensors in theirs. */
export function sentence(
  rule: Pick<Rule, "device" | "sensor" | "labels" | "condition" | "for"> & Partial<Pick<Rule, "clear_for">>,
  unit = "",
  units: (sensor: string) => string = () => "",
): string {
  const labels = Object.entries(rule.labels).map(([key, value]) => clean(`${key}=${value}`));
  const device = rule.device === "*" ? "any device" : clean(rule.device);
  const labelled = labels.length > 0 ? ` with ${labels.join(", ")}` : "";
  if (OF_DEVICE.has(rule.condition.type)) {
    const who = device === "any device" ? "Any device" : device;
    return `${who}${labelled} ${condition(rule.condition)}${lasting(rule)}${until(rule)}`;
  }
  const sensor = rule.sensor === "*" ? "Any sensor" : title(rule.sensor);
  if (rule.condition.type === "count") {
    const { op, value, condition: state } = rule.condition;
    const many = `${op.startsWith(">") ? "At least" : "At most"} ${value} ${value === 1 ? "device" : "devices"}`;
    const which = rule.device === "*" ? labelled : ` of ${device}${labelled}`;
    return `${many}${which}: ${sensor} ${condition(state, unit)}${lasting(rule)}${until(rule)}`;
  }
  return `${sensor} of ${device}${labelled} ${condition(rule.condition, unit, units)}${lasting(rule)}${until(rule)}`;
}

const lasting = ({ for: hold }: Pick<Rule, "for">): string => (hold && parseSpan(hold) !== 0 ? ` for ${hold}` : "");
const until = ({ clear_for: good }: Partial<Pick<Rule, "clear_for">>): string =>
  good && parseSpan(good) !== 0 ? `, until good for ${good}` : "";

export function condition(of: Condition, unit = "", units: (sensor: string) => string = () => ""): string {
  switch (of.type) {
    case "threshold":
      return `${of.op} ${limitOf(of.value, unit)}`;
    case "rate":
      return `changes ${of.op} ${limitOf(of.value, unit)} per ${of.per} over ${of.over}`;
    case "increase":
      return `grows ${of.op} ${limitOf(of.value, unit)} in ${of.over}`;
    case "deviation": {
      const least = of.least ? `, and more than ${limitOf(of.least, unit)}` : "";
      return `${exact(of.sigmas)} σ away from its last ${of.over}${least}`;
    }
    case "average":
      return `on average ${of.op} ${limitOf(of.value, unit)} over ${of.over}`;
    case "minimum":
      return `lowest ${of.op} ${limitOf(of.value, unit)} over ${of.over}`;
    case "maximum":
      return `highest ${of.op} ${limitOf(of.value, unit)} over ${of.over}`;
    case "stuck":
      return `within ${limitOf(of.least, unit)} for ${of.after}`;
    case "seasonal": {
      const least = of.least ? `, and more than ${limitOf(of.least, unit)}` : "";
      return `${exact(of.sigmas)} deviations away from this time of day${least}`;
    }
    case "difference":
      return `minus ${title(of.other)} ${of.op} ${limitOf(of.value, unit)}`;
    case "all":
    case "any":
      return of.parts
        .map(({ sensor, condition: one }) =>
          sensor ? `${title(sensor)} ${condition(one, units(sensor))}` : condition(one, unit),
        )
        .join(of.type === "all" ? " and " : " or ");
    case "forecast":
      return `reaches ${limitOf(of.value, unit)} within ${of.within}, by its last ${of.over}`;
    case "count":
      return `${of.op.startsWith(">") ? "at least" : "at most"} ${of.value} devices: ${condition(of.condition, unit)}`;
    case "silence":
      return `silent for ${of.after}`;
    case "offline":
      return `is offline for ${of.after}`;
    case "source_failing":
      return "reports a source that fails";
    case "clock_off":
      return `has a clock off by more than ${of.by ?? "60s"}`;
    default:
      of satisfies never;
      // A hub newer than this page may know more kinds; its rules are listed, not hidden.
      return (of as { type: string }).type;
  }
}

/** The limit that charts of the readings show: only a rule that holds the value itself against it has one. */
export function drawnLimit(of: Condition): { value: number; above: boolean; op: Op } | null {
  switch (of.type) {
    case "threshold":
      return { value: of.value, above: of.op.startsWith(">"), op: of.op };
    case "rate":
    case "increase":
    case "deviation":
    case "average":
    case "minimum":
    case "maximum":
    case "stuck":
    case "seasonal":
    case "difference":
    case "all":
    case "any":
    case "forecast":
    case "count":
    case "silence":
    case "offline":
    case "source_failing":
    case "clock_off":
      return null;
    default:
      of satisfies never;
      return null;
  }
}

/** Which other sensors no device has; null when it names none of the kind. */
function lacks({ missing }: Pick<Rule, "missing">): string | null {
  return missing.length === 0 ? null : `No device has a sensor ${missing.map((name) => cleanName(name)).join(", ")}.`;
}

/** What has to be reported before a rule can judge, and of how many sensors it has not been yet; null when of none. */
export function waitsFor(rule: Pick<Rule, "needs" | "missing">): string | null {
  const { needs } = rule;
  const lack = lacks(rule);
  if (lack !== null) return lack;
  if (!needs) return null;
  // However long it waits, it never has enough.
  if (needs.too_short) return seldom(needs.too_short);
  if (needs.waiting === 0) return null;
  const who =
    needs.series === 1
      ? "Its sensor has"
      : needs.waiting === needs.series
        ? "Its sensors have"
        : `${needs.waiting} of its ${needs.series} sensors ${needs.waiting === 1 ? "has" : "have"}`;
  return `${who} not reported enough yet: ${history(needs)} are needed.`;
}

/** That readings come too seldom, as the hub says it. */
const seldom = (said: string): string => `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;

function history(needs: NonNullable<Rule["needs"]>): string {
  return `${needs.readings} readings over ${duration(parseSpan(needs.span) ?? 0)}`;
}

/** What fired an alert, its limit, and the worst while it lasted; by its rule also what so many devices have. */
export function reading(
  alert: Pick<Alert, "measure" | "unit" | "value" | "worst_value" | "last_value" | "threshold" | "state"> &
    Partial<Pick<Alert, "parts" | "devices" | "counting" | "usual">>,
  rule: Condition | null = null,
): string {
  const { measure, unit, value, worst_value: worst, last_value: end, threshold, state } = alert;
  if (measure === "silence") return `nothing received for more than ${duration(threshold * 1_000)}`;
  if (measure === "stuck") {
    const limit = `for more than ${duration(threshold * 1_000)}`;
    return value === null ? `stood still ${limit}` : `stood still at ${measured(value, unit)} ${limit}`;
  }
  if (measure === "forecast") return forecast(alert);
  if (measure === "sources")
    return value === null ? "a source fails" : `${value} ${value === 1 ? "source fails" : "sources fail"}`;
  if (measure === "clock") {
    const side = (value ?? 0) < 0 ? "behind" : "ahead";
    return `clock ${duration(Math.abs(value ?? 0) * 1_000)} ${side}, limit ${duration(threshold * 1_000)}`;
  }
  if (measure === "devices") {
    const named = (alert.devices ?? []).map((name) => clean(name));
    const more = (value ?? 0) - named.length;
    const which = named.length === 0 ? "" : `: ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    const { devices: all, sensor = "*", unit: of } = alert.counting ?? {};
    const sensors = sensor === "*" ? "a sensor" : title(sensor);
    const so = rule?.type === "count" ? ` with ${sensors} ${condition(rule.condition, of)}` : "";
    const many = value ?? end ?? 0;
    return `${many} ${many === 1 ? "device" : "devices"}${all ? ` of ${all}` : ""}${so}${which}, limit ${threshold}`;
  }
  if (measure === "parts") return (alert.parts ?? []).map(partOf).join(", ");
  const all = apart([value ?? end, worst, threshold], unit);
  // What is just beyond the limit is not written like it, however far the worst was.
  const fine = (of: number) => ({ common: 0, least: Math.max(all.least, apart([of, threshold], unit).least) });
  const sigmas = (of: number) => {
    const size = Math.abs(of);
    return `${digits(size, apart([size, threshold], ""))} σ ${of < 0 ? "below" : "above"} usual`;
  };
  const say = measure === "sigmas" ? sigmas : (of: number) => measured(of, unit, fine(of));
  const limit = `limit ${measure === "sigmas" ? `${exact(threshold)} σ` : limitOf(threshold, unit)}`;
  if (measure === "sigmas" && alert.usual && value !== null) {
    const is = usually(alert.usual);
    // Of one that is over it is what was usual at its end.
    if (state === "resolved") return `fired at ${say(value)}, ${limit}${end === null ? "" : `, ended at ${is}`}`;
    return `${state === "pending" ? "" : "fired at "}${is} (${say(value)}), ${limit}`;
  }
  // Of one that ended under an older hub what fired it is not known.
  if (value === null) return end === null ? limit : `ended at ${say(end)}, ${limit}`;
  const fired = state === "pending" ? say(value) : `fired at ${say(value)}`;
  return worst === null || say(worst) === say(value)
    ? `${fired}, ${limit}`
    : `${fired}, ${limit}, at worst ${say(worst)}`;
}

/** Ten years: what lies so far ahead is not expected. */
const FAR_S = 10 * 365 * 86_400;

/** When it was expected to reach its limit; of one that is over, when it would now. */
function forecast({
  value,
  last_value: end,
  threshold,
  state,
}: Pick<Alert, "value" | "last_value" | "threshold" | "state">): string {
  const is = state === "resolved" ? end : value;
  const limit = `limit ${duration(threshold * 1_000)}`;
  if (is === null) return limit;
  if (is <= 0) return `reached its limit, ${limit}`;
  if (is >= FAR_S) return `does not go towards its limit, ${limit}`;
  return `${state === "resolved" ? "would reach" : "will reach"} its limit in ${duration(is * 1_000)}, ${limit}`;
}

/** What something unusual was, and what is usual: `31.2 °C, usually 20.4 to 22.1 °C`. */
function usually({ value, low, high, unit }: NonNullable<Alert["usual"]>): string {
  const [from, to] = [measured(low, unit), measured(high, unit)];
  return `${measured(value, unit)}, usually ${from === to ? to : `${from} to ${to}`}`;
}

/** What one of several conditions measured. */
function partOf({ sensor, measure, unit, value, threshold, is_true, usual }: Alert["parts"][number]): string {
  if (value === null || value === undefined) return `${title(sensor)} not known`;
  const state = is_true ? "" : " (not so)";
  if (measure === "stuck") return `${title(sensor)} stands still at ${measured(value, unit)}${state}`;
  const sigmas = `${exact(Math.abs(value))} σ from usual`;
  const said = measure !== "sigmas" ? measured(value, unit) : usual ? `${usually(usual)} (${sigmas})` : sigmas;
  const limit = measure === "sigmas" ? `${exact(threshold)} σ` : limitOf(threshold, unit);
  return `${title(sensor)} ${said}, limit ${limit}${state}`;
}

/** Where a rule would have fired, most often first. */
export function firedOn(of: Backtest): Backtest["series"] {
  return of.series.filter((one) => one.fires > 0).sort((a, b) => b.fires - a.fires || b.firing_s - a.firing_s);
}

/**
 * What is worth drawing of it: where it would have fired most, else what was measured;
 * of one unit, so that one axis serves all.
 */
export function charted(of: Backtest, most: number): Backtest["series"] {
  const fired = firedOn(of);
  const all = fired.length > 0 ? fired : of.series.filter((one) => one.readings > 0);
  return all.filter((one) => one.unit === all[0]!.unit).slice(0, most);
}

/** What changes with a rule against the rule as it is. */
export function differs({ appear, vanish, moved, truncated }: NonNullable<Backtest["difference"]>): string {
  const all = [
    [appear, "new"],
    [vanish, "gone"],
    [moved, "moved by more than a minute"],
  ] as const;
  const some = all.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const said = some.length === 0 ? "the same firings" : some.join(", ");
  return `Compared with the rule as it is: ${said}${truncated ? ", as far as they are listed" : ""}.`;
}

/** Which devices it would have fired on most, as was counted: one day says little of a week. */
export function noise(of: Pick<Backtest, "noise" | "from" | "to">): string {
  const { noise: all } = of;
  const loudest = all.slice(0, 3).map((one) => `${clean(one.device_name)} ${one.fires}`);
  const more = all.length > 3 ? `, and on ${all.length - 3} more` : "";
  return `Most alerts in these ${spanOf(of)}: ${loudest.join(", ")}${more}.`;
}

/** The time a rule was tried on: `24 h`, `7 days`. */
export function spanOf({ from, to }: Pick<Backtest, "from" | "to">): string {
  const days = Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
  return days > 1 ? `${days} days` : "24 h";
}

/** What a rule would have done in the time it was tried on, in a sentence or two. */
export function outcome(of: Backtest): string {
  if (of.watched === 0) return "No sensor matches yet. The rule starts when one does.";
  const span = spanOf(of);
  const silence = of.measure === "silence";
  const heard = of.series.filter((one) => one.readings > 0 || one.fires > 0 || silence);
  if (heard.length === 0) return `No matching sensor has reported in the last ${span}.`;
  const mute = heard.filter((one) => one.judged === 0 && one.fires === 0 && !silence).length;
  const lack = lacks(of);
  if (mute === heard.length && lack !== null) return lack;
  if (mute === heard.length && of.needs?.too_short) return seldom(of.needs.too_short);
  if (mute === heard.length)
    return of.needs
      ? `Not enough data yet: this rule needs ${history(of.needs)} to judge.`
      : "Not enough data yet: within this rule's window there are too few readings to judge.";
  const longest = Math.max(0, ...of.series.map((one) => one.firing_s));
  const checked = `${of.series.length} ${of.series.length === 1 ? "sensor" : "sensors"} checked`;
  const fired = of.series.filter((one) => one.fires > 0).length;
  const times = of.fires === 1 ? "once" : `${of.fires} times`;
  const where = of.series.length > 1 ? `, on ${fired} of ${of.series.length} sensors` : "";
  // Those that would have been firing when that time began.
  const before = of.series.filter((one) => one.firings[0] && one.firings[0].from < of.from).length;
  const since =
    before === 0
      ? ""
      : of.fires === 1
        ? ", since before that"
        : `, ${before === 1 ? "one" : before} of them since before that`;
  const which = fired > 1 ? " on the one with the most" : of.fires > 1 ? " in all" : "";
  return [
    of.fires === 0
      ? `In the last ${span} this would not have fired (${checked}).`
      : `In the last ${span} this would have fired ${times}${where}, for ${duration(longest * 1_000)}${which}${since}.`,
    ...(lack === null ? [] : [lack]),
    ...(mute > 0 ? [`${mute} of them ${mute === 1 ? "has" : "have"} too few readings for this window.`] : []),
    ...(of.truncated ? [`Only ${of.series.length} of ${of.watched} sensors were checked.`] : []),
  ].join(" ");
}
