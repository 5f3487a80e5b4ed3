// What the rows of the device list show that moves: their last values, and the sparklines of one sensor.

import { useEffect, useState } from "preact/hooks";
import { LIVE_DEVICES, loadLatest, loadRows } from "../actions/loading";
import * as api from "../api";
import { part, serverNow, state, subscribe } from "../app";
import { buckets } from "../series";
import type { Device, Series } from "../types";
import { useEvery } from "./controls";
import { isLine } from "./spark";

/** What a sparkline shows. */
export const SPARK_MS = 10 * 60_000;
const SPARK_POINTS = 64;
/** A reading has few digits, a mean has all of them: thirty lines of means are most of what the list costs. */
const SPARK_AGG = ["last"];
/** A sparkline is a glance; its refresh need not be faster than its pixels move. */
export const SPARK_EVERY_MS = 10_000;
/** When a search finds at most so many devices, all their values are loaded: the columns of the list are theirs. */
export const FOUND_FEW = 60;
/** The hub answers at most so many queries in one request. */
const SPARKS_AT_ONCE = 50;

const latest = part((s) => s.latest);
const streams = part((s) => s.streams);

/** What the rows on the screen show. */
interface Shown {
  visible: readonly Device[];
  /** How many rows the list has, on the screen or not. */
  total: number;
  /** Not before columns and order are known, nor where the order asks for everything already. */
  asks: boolean;
  /** Rows that are about to go away get no sparkline. */
  isFinal: boolean;
  columns: readonly string[];
  /** A row that has fewer of the columns shows other values. */
  least: number;
  /** What is worth a sparkline, the best first. */
  worth: readonly string[];
}

interface Drawn {
  /** The sensor that is drawn; undefined until something was asked for. */
  drawn?: string | undefined;
  sparks: Record<string, Series>;
}

/** Live values and sparklines of the rows on the screen: of the first of these sensors that has a line at all. */
export function useLiveValues({ visible, total, asks, isFinal, columns, least, worth }: Shown): Drawn {
  const [found, setFound] = useState<Drawn>({ sparks: {} });
  const ids = visible.map(({ id }) => id);
  const few = Object.keys(state.value.devices ?? {}).length <= LIVE_DEVICES;
  const everything = total <= FOUND_FEW;
  // Values come in pieces: who has none of this yet is drawn when it comes.
  const having = visible.filter(({ id }) => worth.some((sensor) => latest.value[id]?.[sensor])).length;
  useEffect(() => (few ? subscribe({ device: "*", sensor: "*", max_hz: 1 }) : undefined), [few]);
  useEvery(
    few ? 60_000 : 2_000,
    () => {
      if (ids.length === 0 || !asks) return;
      if (few) void loadLatest([]);
      else if (everything) void loadLatest(ids);
      else void loadRows(ids, columns, least);
    },
    `${few ? total : ids} ${asks} ${everything} ${few ? "" : columns} ${streams.value}`,
  );
  useEvery(
    SPARK_EVERY_MS,
    () => {
      if (!isFinal || worth.length === 0 || !matchMedia("(min-width: 1081px)").matches) return;
      // A row without its sparkline is still a row: a failure here is not worth words.
      firstLines(visible, worth).then(setFound, () => {});
    },
    `${isFinal} ${ids} ${worth} ${streams.value} ${having}`,
  );
  return worth.includes(found.drawn ?? "") ? found : { sparks: {} };
}

/** A sensor with only one reading on every device has no line: then the next sensor is asked for. */
async function firstLines(visible: readonly Device[], worth: readonly string[]): Promise<Drawn> {
  const window = buckets(serverNow() - SPARK_MS, serverNow(), SPARK_POINTS);
  for (const drawn of worth) {
    const having = visible.filter((device) => state.peek().latest[device.id]?.[drawn]).slice(0, SPARKS_AT_ONCE);
    if (having.length === 0) continue;
    const results = await api.readings.query([
      { device: having.map(({ id }) => id), sensor: [drawn], agg: SPARK_AGG, ...window },
    ]);
    const lines = results.flatMap(({ series }) => series).filter(isLine);
    if (lines.length > 0) return { drawn, sparks: Object.fromEntries(lines.map((series) => [series.device, series])) };
  }
  return { drawn: worth[0], sparks: {} };
}
