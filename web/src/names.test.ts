import { expect, test } from "vitest";
import { families, hint, member, title } from "./names";

test("names of the agent are those people use, with the raw one as a hint", () => {
  expect(
    [
      "cpu.used_pct",
      "mem.used_pct",
      "disk.root.used_pct",
      "disk.data.free_bytes",
      "net.eth0.rx_bytes",
      "temperature",
    ].map(title),
  ).toEqual(["CPU", "Memory used", "Disk used", "Disk data free", "Received, eth0", "Temperature"]);
  expect(hint("cpu.used_pct")).toBe("cpu.used_pct");
});

test("a name that a person gave stays", () => {
  expect([title("boiler.flow"), hint("boiler.flow"), title("toString"), title("constructor")]).toEqual([
    "boiler.flow",
    "",
    "toString",
    "constructor",
  ]);
});

test("load and the two ways of a network are one chart each, a lone member is its own", () => {
  const sensors = [
    "load.15m",
    "temp.a",
    "load.1m",
    "load.5m",
    "net.eth0.tx_bytes",
    "net.eth0.rx_bytes",
    "net.wlan0.rx_bytes",
  ].map((sensor) => ({ sensor, unit: "1" }));
  expect(families(sensors).map(({ title, sensors }) => [title, sensors])).toEqual([
    ["Load", ["load.1m", "load.5m", "load.15m"]],
    ["Temperature, a", ["temp.a"]],
    ["Network eth0", ["net.eth0.rx_bytes", "net.eth0.tx_bytes"]],
    ["Received, wlan0", ["net.wlan0.rx_bytes"]],
  ]);
  expect(["load.15m", "net.eth0.tx_bytes", "temp.a"].map(member)).toEqual(["15 min", "sent", "Temperature, a"]);
});

test("what has another unit is not drawn on the same axis", () => {
  expect(
    families([
      { sensor: "load.1m", unit: "1" },
      { sensor: "load.5m", unit: "%" },
    ]),
  ).toHaveLength(2);
});

test("long names that begin alike differ on the page, and the tip has all of them", () => {
  const of = (mount: string) =>
    `node_filesystem_device_error{device=/dev/mapper/vg0-lv_root,fstype=ext4,mountpoint=${mount}}`;
  const [home, boot] = [title(of("/home")), title(of("/boot"))];
  expect(home).toMatch(/^node_filesystem_.*….*mountpoint=\/home\}$/);
  expect([...home]).toHaveLength(64);
  expect(home).not.toBe(boot);
  expect(hint(of("/home"))).toBe(of("/home"));
});
