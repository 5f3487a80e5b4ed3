// Ready rules: what most people watch, for the sensors that are there. A press fills the form;
// everything can be changed. PURE.

import type { Fields } from "./condition";
import type { Op, Severity } from "./types";

export interface Ready {
  label: string;
  name: string;
  /** Glob over sensor names. */
  sensor: string;
  fields: Pick<Fields, "type"> & Partial<Fields>;
  hold: string;
  severity: Severity;
}

interface Sensor {
  sensor: string;
  unit: string;
}

const ALL: { fits: (of: Sensor) => boolean; glob?: string; ready: Omit<Ready, "sensor"> }[] = [
  {
    fits: named(/^disk\..+\.used_pct$/),
    glob: "disk.*.used_pct",
    ready: {
      label: "Disk above 90 %",
      name: "Disk nearly full",
      fields: limit(">", "90", "88"),
      hold: "5m",
      severity: "warning",
    },
  },
  {
    fits: named(/^mem\.used_pct$/),
    ready: {
      label: "Memory above 90 %",
      name: "Memory nearly full",
      fields: limit(">", "90", "85"),
      hold: "10m",
      severity: "warning",
    },
  },
  {
    fits: named(/^cpu\.used_pct$/),
    ready: {
      label: "CPU above 90 %",
      name: "CPU busy",
      fields: limit(">", "90", "80"),
      hold: "15m",
      severity: "warning",
    },
  },
  {
    fits: (of) => isCelsius(of) && /^temp\./.test(of.sensor),
    glob: "temp.*",
    ready: {
      label: "Overheating",
      name: "Overheating",
      fields: limit(">", "85", "80"),
      hold: "1m",
      severity: "critical",
    },
  },
  {
    fits: isRoom,
    ready: { label: "Too cold", name: "Too cold", fields: limit("<", "5", "6"), hold: "5m", severity: "warning" },
  },
  {
    fits: isRoom,
    ready: { label: "Too warm", name: "Too warm", fields: limit(">", "30", "29"), hold: "5m", severity: "warning" },
  },
  {
    fits: (of) => of.unit.startsWith("%") && /humidity/i.test(of.sensor),
    ready: { label: "Too humid", name: "Too humid", fields: limit(">", "70", "65"), hold: "30m", severity: "warning" },
  },
  {
    fits: (of) => of.unit === "%" && /batter|charge_pct$/i.test(of.sensor),
    ready: {
      label: "Battery low",
      name: "Battery low",
      fields: limit("<", "20", "25"),
      hold: "5m",
      severity: "warning",
    },
  },
  {
    fits: () => true,
    glob: "*",
    ready: {
      label: "A sensor stops",
      name: "Sensor silent",
      fields: { type: "silence", silence: { after: "15m" } },
      hold: "0s",
      severity: "warning",
    },
  },
];

function named(pattern: RegExp): (of: Sensor) => boolean {
  return (of) => pattern.test(of.sensor);
}

function isCelsius(of: Sensor): boolean {
  return of.unit === "Cel" || of.unit === "degC";
}

/** What people measure where they live and work; chips are hotter. */
function isRoom(of: Sensor): boolean {
  return isCelsius(of) && !/^temp\./.test(of.sensor);
}

function limit(op: Op, value: string, clear: string): Ready["fields"] {
  return { type: "threshold", threshold: { op, value, clear, apart: Number(clear) - Number(value) } };
}

/** Those that fit, each for the sensor name that most devices have of its kind. */
export function readyRules(sensors: readonly Sensor[]): Ready[] {
  return ALL.flatMap(({ fits, glob, ready }) => {
    const counts = new Map<string, number>();
    for (const of of sensors) if (fits(of)) counts.set(of.sensor, (counts.get(of.sensor) ?? 0) + 1);
    const [first] = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
    return first ? [{ ...ready, sensor: counts.size === 1 && glob !== "*" ? first[0] : (glob ?? first[0]) }] : [];
  });
}
