// What is drawn into the charts of a device beside its readings: limits of rules, what fired, moments of the device.

import { useEffect, useState } from "preact/hooks";
import * as api from "../../api";
import { part } from "../../app";
import type { Board } from "../../chart/board";
import type { Mark, Threshold } from "../../chart/paint";
import { clean, exact, millis } from "../../format";
import { watches } from "../../alert";
import { drawnLimit } from "../../rule";
import { swappedAt } from "../../swap";
import type { Alert, Device, Millis, Rule, Sensor, Swap } from "../../types";

/** So near to the left edge a mark tells nothing. */
const MARK_ROOM = 0.05;
/** What an agent had measured already when it was added is no history. */
const EARLY_MS = 15_000;
/** In a shorter window that is a good part of the curve, which shows by itself where it begins. */
const SHORTEST_MS = 10 * 60_000;

const streams = part((s) => s.streams);

/** When the hardware was replaced; and when the device was added, for charts of sensors where that says something. */
export function useMarks(device: Device, board: Board): (sensors: readonly Sensor[]) => readonly Mark[] {
  const swaps = useSwaps(device);
  const added = millis(device.first_seen);
  return (sensors) => {
    const first = (heard: Millis) => {
      const firsts = sensors.flatMap((sensor) => board.firstAfter(sensor, heard) ?? []);
      return firsts.length > 0 ? Math.min(...firsts) : null;
    };
    const marks = swaps.map((swap) => ({ at: swappedAt(swap, board.window(), first), label: "hardware replaced" }));
    return added !== null && beginsAtAdded(board, sensors, added)
      ? [...marks, { at: added, label: "added to the hub", leads: true }]
      : marks;
  };
}

/** When the hardware was replaced. */
function useSwaps(device: Device): readonly Swap[] {
  const [swaps, setSwaps] = useState<readonly Swap[]>([]);
  const hardware = device.hardware;
  useEffect(() => {
    let current = true;
    // A chart without them is still a chart.
    api.devices.swaps(device.id).then(
      (found) => current && setSwaps(found),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [device.id, hardware, streams.value]);
  return swaps;
}

/**
 * A window that was there before the device: what it did not measure has a reason,
 * which is drawn unless all begins with it.
 */
function beginsAtAdded(board: Board, sensors: readonly Sensor[], added: Millis | null): boolean {
  const { from, to } = board.window();
  // The middle of the first bucket of a wide window may lie before.
  const early = Math.max(EARLY_MS, (to - from) / 100);
  return (
    added !== null &&
    to - from >= SHORTEST_MS &&
    added > from + (to - from) * MARK_ROOM &&
    sensors.every((sensor) => (board.firstAt(sensor) ?? Infinity) > added - early)
  );
}

/** The limits of the rules that watch this sensor. */
export function thresholdsOf(rules: readonly Rule[] | null, device: Device, sensor: string): Threshold[] {
  return (rules ?? []).flatMap((rule) => {
    const line = drawnLimit(rule.condition);
    return line && rule.enabled && watches(rule, device, sensor)
      ? [
          {
            value: line.value,
            above: line.above,
            label: `${clean(rule.name, 32)} ${line.op} ${exact(line.value)}`,
          },
        ]
      : [];
  });
}

/** When rules fired on this sensor, and until when; null while they still do. */
export function firingOf(
  alerts: Readonly<Record<string, Alert>> | null,
  device: string,
  sensor: string,
): [Millis, Millis | null][] {
  return Object.values(alerts ?? {}).flatMap((alert) => {
    const fired = millis(alert.fired_at);
    return alert.device === device && alert.sensor === sensor && fired !== null
      ? [[fired, millis(alert.resolved_at)] as [Millis, Millis | null]]
      : [];
  });
}
