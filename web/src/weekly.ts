// Hours that come again each week: whether they are now, and as people read them. PURE.

import type { Silence } from "./types";

type Weekly = NonNullable<Silence["weekly"]>;

/** Days as the hub names them, Monday first, and as people read them. */
export const DAYS: readonly [day: string, label: string][] = [
  ["mon", "Mon"],
  ["tue", "Tue"],
  ["wed", "Wed"],
  ["thu", "Thu"],
  ["fri", "Fri"],
  ["sat", "Sat"],
  ["sun", "Sun"],
];

const minutes = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** Day of the week from Monday, and minutes after midnight, in a time zone; null where the browser does not know it. */
function local(now: number, zone: string): { day: number; at: number } | null {
  try {
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    }).formatToParts(now);
    const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
    const day = DAYS.findIndex(([, label]) => label === part("weekday"));
    return { day, at: Number(part("hour")) * 60 + Number(part("minute")) };
  } catch {
    return null;
  }
}

/** Whether `now` lies in the hours; those that end no later than they begin end on the next day. */
export function isNow(weekly: Weekly, now: number): boolean {
  const here = local(now, weekly.zone ?? "UTC");
  if (here === null) return false;
  const has = (day: number) => weekly.days.includes(DAYS[(day + 7) % 7]![0]);
  const [from, until] = [minutes(weekly.from), minutes(weekly.until)];
  if (from < until) return has(here.day) && from <= here.at && here.at < until;
  return (has(here.day) && here.at >= from) || (has(here.day - 1) && here.at < until);
}

/** `Mon to Fri 22:00 to 06:00 Europe/Berlin`. */
export function weeklyText({ days, from, until, zone }: Weekly): string {
  const places = DAYS.flatMap(([day], place) => (days.includes(day) ? [place] : []));
  const names = places.map((place) => DAYS[place]![1]);
  const inRow = places.length > 2 && places.at(-1)! - places[0]! === places.length - 1;
  const on = places.length === 7 ? "every day" : inRow ? `${names[0]} to ${names.at(-1)}` : names.join(", ");
  return `${on} ${from} to ${until}${zone ? ` ${zone}` : ""}`;
}
