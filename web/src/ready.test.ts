import { expect, test } from "vitest";
import { readyRules } from "./ready";
import { conditionOf, fieldsOf } from "./condition";

const of = (...sensors: [string, string][]) => readyRules(sensors.map(([sensor, unit]) => ({ sensor, unit })));

test("only rules for sensors that are there are offered", () => {
  expect(of()).toEqual([]);
  expect(of(["wind", "m/s"]).map(({ label }) => label)).toEqual(["A sensor stops"]);
  const machine = of(
    ["cpu.used_pct", "%"],
    ["disk.root.used_pct", "%"],
    ["disk.data.used_pct", "%"],
    ["temp.cpu", "Cel"],
  );
  expect(machine.map(({ label, sensor }) => [label, sensor])).toEqual([
    ["Disk above 90 %", "disk.*.used_pct"],
    ["CPU above 90 %", "cpu.used_pct"],
    ["Overheating", "temp.cpu"],
    ["A sensor stops", "*"],
  ]);
});

test("of several names for the same thing the one of most devices is taken", () => {
  const rooms = of(["temperature", "Cel"], ["inside", "Cel"], ["temperature", "Cel"], ["battery", "%"]);
  expect(rooms.map(({ label, sensor }) => [label, sensor])).toEqual([
    ["Too cold", "temperature"],
    ["Too warm", "temperature"],
    ["Battery low", "battery"],
    ["A sensor stops", "*"],
  ]);
  expect(of(["temperature", "[degF]"]).map(({ label }) => label)).not.toContain("Too cold");
});

test("each is a whole rule as it stands", () => {
  const all = of(
    ["cpu.used_pct", "%"],
    ["mem.used_pct", "%"],
    ["disk.root.used_pct", "%"],
    ["temp.cpu", "Cel"],
    ["t", "Cel"],
    ["humidity", "%"],
    ["power.bat0.charge_pct", "%"],
  );
  expect(all).toHaveLength(9);
  for (const { fields } of all) expect(conditionOf({ ...fieldsOf(null), ...fields })).toHaveProperty("condition");
});
