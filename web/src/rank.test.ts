import { expect, test } from "vitest";
import { byImportance } from "./rank";

test("what people look for comes first, the rest by name and number", () => {
  const sensors = [
    "zone.10",
    "zone.2",
    "uptime",
    "disk.root.free_bytes",
    "disk.root.used_pct",
    "load.1m",
    "cpu.iowait_pct",
    "mem.used_pct",
    "cpu.used_pct",
    "temp.core",
  ].map((sensor) => ({ sensor }));
  expect(sensors.sort(byImportance).map(({ sensor }) => sensor)).toEqual([
    "temp.core",
    "cpu.used_pct",
    "mem.used_pct",
    "load.1m",
    "disk.root.used_pct",
    "cpu.iowait_pct",
    "disk.root.free_bytes",
    "uptime",
    "zone.2",
    "zone.10",
  ]);
});
