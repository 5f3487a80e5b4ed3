// The clock zone in which the page tells every time: this browser's, the hub's, or UTC. Remembered by the browser.

import { signal } from "@preact/signals";

export type Choice = "browser" | "hub" | "utc";

const KEY = "zone";
/** Zones change their offset on a quarter of an hour, if at all. */
const QUARTER_MS = 900_000;
/** Offsets kept: a week of quarters. Beyond, they are worked out again. */
const KEPT = 700;

/** What a person chose. */
export const choice = signal<Choice>(remembered());
/** The zone of the hub's computer, once it is known. */
export const hubZone = signal<string | null>(null);

/** Under whatever name, UTC is called UTC. */
const called = (name: string) => (/^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal)$/.test(name) ? "UTC" : name);
const own = called(Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");

/** The name of a choice's zone; null when the hub has told none. */
export function nameOf(of: Choice): string | null {
  return of === "utc" ? "UTC" : of === "browser" ? own : hubZone.value && called(hubZone.value);
}

/** The zone in force. */
export function zone(): string {
  return nameOf(choice.value) ?? own;
}

export function choose(of: Choice): void {
  choice.value = of;
  try {
    localStorage.setItem(KEY, of);
  } catch {
    // A browser that keeps nothing: it holds until the page is closed.
  }
}

function remembered(): Choice {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "hub" || kept === "utc" ? kept : "browser";
  } catch {
    return "browser";
  }
}

const formats = new Map<string, Intl.DateTimeFormat | null>();
const offsets = new Map<string, number>();

function formatOf(name: string): Intl.DateTimeFormat | null {
  let format = formats.get(name);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat("en-US", {
        timeZone: name,
        hourCycle: "h23",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      });
    } catch {
      // A zone that this browser has never heard of.
      format = null;
    }
    formats.set(name, format);
  }
  return format;
}

/** How far a zone is ahead of UTC at a moment, in milliseconds; 0 for one that is unknown. */
export function ahead(at: number, name = zone()): number {
  if (name === "UTC" || !Number.isFinite(at)) return 0;
  const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS;
  const key = `${name} ${quarter}`;
  let offset = offsets.get(key);
  if (offset === undefined) {
    const of: Record<string, number> = {};
    for (const { type, value } of formatOf(name)?.formatToParts(quarter) ?? []) of[type] = Number(value);
    offset =
      of["year"] === undefined
        ? 0
        : Date.UTC(of["year"], of["month"]! - 1, of["day"], of["hour"], of["minute"], of["second"]) - quarter;
    if (offsets.size >= KEPT) offsets.clear();
    offsets.set(key, offset);
  }
  return offset;
}

/** The moment at which the wall clock of the zone shows what UTC shows at `wall`. */
export function atWall(wall: number, name = zone()): number {
  // Twice: the first guess may lie on the other side of a change of the clocks.
  return wall - ahead(wall - ahead(wall, name), name);
}

/** A date whose UTC fields are those of the wall clock in the zone. */
export function wall(at: number): Date {
  return new Date(at + ahead(at));
}
