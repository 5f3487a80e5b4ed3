// The state of a device's connection in one sentence: good, or the first thing that is not, with its likely cause.
// PURE.

import { count, duration, when } from "./format";
import type { Standing } from "./standing";
import type { Link, Millis } from "./types";

type Level = "" | "amber" | "red";

const level = (value: number | null, amber: number, red: number): Level =>
  value === null ? "" : value >= red ? "red" : value >= amber ? "amber" : "";

interface Gauge {
  name: string;
  value: string;
  level: Level;
  hint: string;
  cure?: string;
}

const ms = (value: number | null) =>
  value === null
    ? "–"
    : Math.abs(value) >= 10_000
      ? duration(Math.abs(value))
      : `${Math.abs(value) >= 100 ? Math.round(value) : Number(value.toFixed(1)) || 0} ms`.replace("-", "−");

/** Every number with one line of what it means and what cures it. */
export function gauges(link: Link | null): Gauge[] {
  const skew = link?.clock_offset_ms ?? null;
  const spool = link?.spool_batches ?? 0;
  return [
    {
      name: "Packet loss",
      value: link ? `${Number(link.loss_pct.toFixed(2))} %` : "–",
      level: level(link?.loss_pct ?? null, 1, 5),
      hint: "in the last 5 min",
      cure: "weak or crowded network",
    },
    { name: "Round trip", value: ms(link?.rtt_ms ?? null), level: "", hint: "device to hub and back" },
    {
      name: "Clock difference",
      value: ms(skew),
      level: level(skew === null ? null : Math.abs(skew), 1_000, 60_000),
      hint: "device compared with hub",
      cure: "set the device's clock (NTP)",
    },
    {
      name: "Waiting to be sent",
      value: link ? count(spool) : "–",
      level: level(spool, 50, 1_000),
      hint: "packets stored on the device",
      cure: "catching up, or the network is slow",
    },
    {
      name: "Dropped",
      value: link ? count(link.dropped_readings) : "–",
      level: level(link?.dropped_readings ?? null, 1, 1_000),
      hint: "readings dropped because the device's buffer was full",
      cure: "the device's buffer was full: give it more space",
    },
    {
      name: "Connected for",
      value: link ? duration(link.session_age_s * 1000) : "–",
      level: "",
      hint: link ? "since it last connected" : "not connected",
    },
  ];
}

interface Verdict {
  text: string;
  level: Level | "off";
}

/** One sentence; while nothing is heard it is about the past and says so. */
export function verdict(link: Link | null, stands: Standing, heard: Millis | null, now: Millis): Verdict {
  const asOf = heard === null ? "" : ` The details below are from ${when(heard, now)}.`;
  if (stands === "was online") return { text: `Unknown while the hub cannot be reached.${asOf}`, level: "off" };
  if (stands === "connecting") return { text: "Connecting for the first time…", level: "off" };
  if (stands !== "online")
    return {
      text: heard === null ? "Never connected." : `Not connected since ${when(heard, now)}.${asOf}`,
      level: "off",
    };
  if (link === null) return { text: "Connected", level: "" };
  const worst = gauges(link)
    .filter((gauge) => gauge.level !== "")
    .sort((a, b) => Number(b.level === "red") - Number(a.level === "red"))[0];
  if (!worst) return { text: "Connection good", level: "" };
  return { text: `${worst.name} ${worst.value}: ${worst.cure}`, level: worst.level };
}
