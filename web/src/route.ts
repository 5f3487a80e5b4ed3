// The address bar is the state of the view: `parse` and `href` are each other's inverse. PURE.
//
//   /                         devices            ?status= ?q= ?sort=-temperature ?group=site
//   /d/<id>                   one device         ?m=temp,hum &with=<id>,<id> &from=now-5m &to=now
//   /a                        alerts and rules   ?rule=new|<id> &device= &sensor=
//   /a/<id>                   one alert
//   /w                        webhooks           ?webhook=<id>
//   /h                        the hub itself

import { pathTo, inside } from "./base";
import { parseSpan, span } from "./format";
import type { DeviceStatus } from "./types";

/** The window of a chart. Relative while live, absolute milliseconds once paused. */
export interface Range {
  from: string;
  to: string;
}

/** Which devices the list shows: those in one state, or those with an alert that is firing. */
export type Shown = DeviceStatus | "firing";

export type Route =
  | { view: "overview"; status: Shown | null; q: string; sort: string; group: string }
  | { view: "device"; id: string; sensors: string[]; range: Range; others?: string[] }
  | { view: "alerts"; rule: string | null; device: string; sensor: string }
  | { view: "alert"; id: string }
  | { view: "webhooks"; webhook: string | null }
  | { view: "hub" }
  | { view: "missing"; path: string };

/** Every device, by name. */
export const OVERVIEW: Extract<Route, { view: "overview" }> = {
  view: "overview",
  status: null,
  q: "",
  sort: "name",
  group: "",
};
/** Other devices in one chart: with the first one as many as there are colours. */
export const OTHERS_MOST = 5;
export const DEFAULT_RANGE: Range = { from: "now-5m", to: "now" };
const SHOWN: readonly string[] = ["online", "offline", "pending", "blocked", "firing"];

export function parse(path: string, search: string): Route {
  const query = new URLSearchParams(search);
  const [, first = "", second = "", ...rest] = inside(path)
    .replace(/(.)\/$/, "$1")
    .split("/");
  if (first === "" && second === "") {
    const status = query.get("status");
    return {
      view: "overview",
      status: status && SHOWN.includes(status) ? (status as Shown) : null,
      q: query.get("q") ?? "",
      sort: query.get("sort") || "name",
      group: query.get("group") ?? "",
    };
  }
  if (first === "d" && second !== "" && rest.length === 0) {
    const range = { from: query.get("from") ?? DEFAULT_RANGE.from, to: query.get("to") ?? DEFAULT_RANGE.to };
    const listed = (key: string) =>
      (query.get(key) ?? "")
        .split(",")
        .filter((name) => name !== "")
        .map(decodeURIComponentSafely);
    const others = listed("with").slice(0, OTHERS_MOST);
    return {
      view: "device",
      id: decodeURIComponentSafely(second),
      sensors: listed("m"),
      range: resolve(range, 0) ? range : DEFAULT_RANGE,
      ...(others.length > 0 ? { others } : {}),
    };
  }
  if (first === "a" && second === "") {
    return {
      view: "alerts",
      rule: query.get("rule"),
      device: query.get("device") ?? "",
      sensor: query.get("sensor") ?? "",
    };
  }
  if (first === "a" && rest.length === 0) return { view: "alert", id: decodeURIComponentSafely(second) };
  if (first === "w" && second === "") return { view: "webhooks", webhook: query.get("webhook") };
  if (first === "h" && second === "") return { view: "hub" };
  return { view: "missing", path };
}

export function href(route: Route): string {
  const query = new URLSearchParams();
  switch (route.view) {
    case "overview":
      if (route.status) query.set("status", route.status);
      if (route.q) query.set("q", route.q);
      if (route.sort !== "name") query.set("sort", route.sort);
      if (route.group) query.set("group", route.group);
      return withQuery(pathTo("/"), query);
    case "device": {
      // Written by hand: a comma between names and a readable `now-1h` survive,
      // where URLSearchParams would escape them.
      const parts: string[] = [];
      const list = (names: readonly string[]) =>
        names.map((name) => encodeURIComponent(encodeURIComponent(name))).join(",");
      if (route.sensors.length > 0) parts.push(`m=${list(route.sensors)}`);
      if (route.others && route.others.length > 0) parts.push(`with=${list(route.others)}`);
      if (route.range.from !== DEFAULT_RANGE.from || route.range.to !== DEFAULT_RANGE.to) {
        parts.push(`from=${encodeURIComponent(route.range.from)}`, `to=${encodeURIComponent(route.range.to)}`);
      }
      return pathTo(`/d/${encodeURIComponent(route.id)}${parts.length > 0 ? `?${parts.join("&")}` : ""}`);
    }
    case "alerts":
      if (route.rule) query.set("rule", route.rule);
      if (route.device) query.set("device", route.device);
      if (route.sensor) query.set("sensor", route.sensor);
      return withQuery(pathTo("/a"), query);
    case "alert":
      return pathTo(`/a/${encodeURIComponent(route.id)}`);
    case "webhooks":
      if (route.webhook) query.set("webhook", route.webhook);
      return withQuery(pathTo("/w"), query);
    case "hub":
      return pathTo("/h");
    case "missing":
      return route.path;
  }
}

/**
 * Where the hub gives every reading of a device's view as a file. A live window stays relative:
 * it is that of the click.
 */
export function exportHref(route: Extract<Route, { view: "device" }>): string {
  const query = new URLSearchParams({ format: "csv", device: route.id });
  for (const other of (route.sensors.length === 1 && route.others) || []) query.append("device", other);
  for (const sensor of route.sensors) query.append("sensor", sensor);
  const absolute = (text: string) => (text.startsWith("now") ? text : String(moment(text, 0)));
  query.set("from", absolute(route.range.from));
  query.set("to", absolute(route.range.to));
  return pathTo(`/api/v1/export?${query}`);
}

/** The window in epoch milliseconds at `now`; null when it makes no sense. */
export function resolve(range: Range, now: number): { from: number; to: number; live: boolean } | null {
  const from = moment(range.from, now);
  const to = moment(range.to, now);
  if (from === null || to === null || from >= to) return null;
  return { from, to, live: range.to === "now" };
}

/** A live window of that width. */
export function last(ms: number): Range {
  return { from: `now-${span(Math.round(ms))}`, to: "now" };
}

/** A paused window. */
export function between(from: number, to: number): Range {
  return { from: String(Math.round(from)), to: String(Math.round(to)) };
}

function moment(text: string, now: number): number | null {
  if (text === "now") return now;
  if (text.startsWith("now-")) {
    const back = parseSpan(text.slice(4));
    return back === null ? null : now - back;
  }
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

function withQuery(path: string, query: URLSearchParams): string {
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

// A hand-typed address may hold a lone per cent sign; it is then taken as written.
function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
