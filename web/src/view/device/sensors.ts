// The sensors of the device on the screen, as the hub lists them: asked for again when there are more.

import { useEffect, useState } from "preact/hooks";
import { reason, say } from "../../actions/answer";
import { loadLatest, needRules } from "../../actions/loading";
import * as api from "../../api";
import { listen, part } from "../../app";
import { byImportance } from "../../rank";
import type { Device, Sensor } from "../../types";

/** A program that starts brings many sensors within a moment. */
const MORE_SENSORS_MS = 300;

const rules = part((s) => s.rules);
const streams = part((s) => s.streams);

/** The sensors, null until they are known, and what asks for them anew. Their values and the rules come along. */
export function useSensors(device: Device): [Sensor[] | null, () => void] {
  const [sensors, setSensors] = useState<Sensor[] | null>(null);
  // A row of a sensor never listed says that there are more: the list is asked for again, once for a burst of them, and
  // less and less often where rows name what the list does not have.
  const [grown, setGrown] = useState(0);
  useEffect(() => {
    const heard = new Set((sensors ?? []).map((one) => one.sensor));
    let soon: ReturnType<typeof setTimeout> | null = null;
    const stop = listen((message) => {
      if (sensors === null || (message.type !== "readings" && message.type !== "snapshot")) return;
      for (const [from, sensor] of message.rows) {
        if (from !== device.id || heard.has(sensor)) continue;
        heard.add(sensor);
        soon ??= setTimeout(() => setGrown((before) => before + 1), MORE_SENSORS_MS * 2 ** Math.min(grown, 5));
      }
    });
    return () => {
      stop();
      if (soon) clearTimeout(soon);
    };
  }, [device.id, sensors, grown]);
  useEffect(() => {
    let current = true;
    // An answer to an older question may come later.
    api.devices.sensors(device.id).then(
      (found) => current && setSensors((before) => inPlace(before, found)),
      (error) => say(reason(error), "error"),
    );
    void loadLatest([device.id]);
    if (rules.peek() === null) void needRules();
    return () => {
      current = false;
    };
    // Its interval too: gaps are drawn by it, and a device may be set to another one while it is looked at.
  }, [device.id, device.sensors, device.interval_ms, streams.value, grown]);
  return [sensors, () => setGrown((before) => before + 1)];
}

/** Sensors as the hub lists them now; who was shown keeps its place, so that no chart moves away under a hand. */
function inPlace(before: readonly Sensor[] | null, found: readonly Sensor[]): Sensor[] {
  const sorted = [...found].sort(byImportance);
  if (before === null) return sorted;
  const place = new Map(before.map((one, i) => [one.sensor, i]));
  return sorted
    .map((one, i) => ({ one, at: place.get(one.sensor) ?? before.length + i }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
