import { describe, expect, test } from "vitest";
import { sampleDevice } from "./device.sample";
import type { Values } from "./fleet";
import { asksValues, compared, matches, misunderstood, parseFilter, toggled, whyNone } from "./filter";
import type { Device } from "./types";

const device = (name: string, labels: Record<string, string> = {}): Device =>
  sampleDevice({ id: `id-${name}`, name, labels, model: "Pi", address: "10.0.0.7" });
const values = (name: string, of: Record<string, number>, units: Record<string, string> = {}): Values =>
  Object.fromEntries(
    Object.entries(of).map(([sensor, value]) => [
      sensor,
      { device: `id-${name}`, sensor, unit: units[sensor] ?? "", at: "", value, quality: "good" as const },
    ]),
  );
const found = (q: string, one: Device, of: Values) => matches(parseFilter(q), one, of);

describe("the search line", () => {
  const pump = device("pump-7", { site: "south", rack: "12" });
  const of = values("pump-7", { temperature: 14.5, "cpu.used_pct": 91, "mem.available_bytes": 3 * 2 ** 30 });
  test.each([
    ["temperature<15", true],
    ["temperature<14", false],
    ["temperature>=14.5", true],
    ["temperature=14.5", true],
    ["temperature!=14.5", false],
    ["temp<15", true],
    ["TEMPERATURE<15°C", true],
    ["temperature<15 site=south", true],
    ["temperature<15 site=north", false],
    ["site!=north", true],
    ["site=s*", true],
    ["rack=12", true],
    ["rack!=12", false],
    ["floor=2", false],
    ["floor!=2", false],
    ["floor!=two", true],
    ["cpu>90", true],
    ["cpu.used_pct>95", false],
    ["mem*>2GiB", true],
    ["memoryavailable>4GiB", false],
    ["pump", true],
    ["PUMP site=south", true],
    ["10.0.0", true],
    ["status=online", true],
    ["status=offline", false],
    ["site=", true],
    ["temperature < 15", true],
    ["temperature <14", false],
    ["temperature> 14", true],
    ["temperature <= 14.5 °C", true],
    ["temperature ≤ 14.5", true],
    ["temperature < 15 site = south", true],
    ["temperature < 15 pump", true],
    ["temperature < 15 site = north", false],
    ["mem* > 2 GiB", true],
    ["mem* > 4 GiB", false],
    ["cpu.used_pct = 91 %", true],
    ["site != north", true],
    ["temperature <", true],
    ["temperature < ", true],
    ["nothing <", false],
    ["<", true],
    ["temperature < 15 GiB/s2", false],
    ["temperature==14.5", true],
    ["temperature=<14.5", true],
    ["temperature<>14.5", false],
    ["temperature<14,6", true],
    ["temperature>.5", true],
    ["rack>11", true],
    ["rack<11", false],
    ["site>3", false],
    ["site=sou", false],
    ["temperature<warm", false],
    ["temperature<-3", false],
    ["nothing>1", false],
    ["", true],
  ])("%s", (q, expected) => expect(found(q, pump, of)).toBe(expected));
  test.each([
    ["t<295K", false],
    ["t<295.2 K", true],
    ["t=71,6°F", true],
    ["t>70F", true],
    ["t<22.5", true],
    ["t<22.5C", true],
    ["t>5V", false],
    ["t>5parsec", false],
    ["t < 22,5 c", true],
    ["t<22.5 celsius", true],
    ["t<22.5°", true],
    ["t<22.5 ° C", true],
    ["up>1h", true],
    ["up>90min", true],
    ["up>2,5h", false],
    ["up>90m", true],
    ["up>1d", false],
    ["up=2h", true],
    ["up>5000", true],
    ["p>1bar", true],
    ["p>1014mbar", false],
    ["p<101,4kPa", true],
    ["u<13V", true],
    ["u<9000mV", false],
    ["mem>2GiB", true],
    ["mem>3GB", true],
    ["mem>2Gi", true],
    ["mem>3500MB", false],
    ["w>1,2kW", true],
    ["w>2k", false],
    ["wet>0.5%", true],
    ["wet<50 %rh", true],
    ["wet>2GiB", false],
    ["mem>2gib", true],
    ["mem>3500mb", false],
    ["w<2KW", true],
    ["p>1000hpa", true],
  ])("a unit is told in that of the sensor: %s", (q, expected) => {
    const units: Record<string, [number, string]> = {
      t: [22, "Cel"],
      up: [7_200, "s"],
      p: [1_013.25, "hPa"],
      u: [12.6, "V"],
      mem: [3.25e9, "By"],
      w: [1_500, "W"],
      wet: [45, "%[RH]"],
    };
    const of = Object.fromEntries(
      Object.entries(units).map(([sensor, [value, unit]]) => [
        sensor,
        { device: "id", sensor, unit, at: "", value, quality: "good" as const },
      ]),
    );
    expect(found(q, pump, of)).toBe(expected);
  });
  test("only what compares with a number needs every value", () => {
    expect([asksValues(parseFilter("pump site=south")), asksValues(parseFilter("pump t<5"))]).toEqual([false, true]);
  });
  test("a click on a label adds it, another takes it away", () => {
    expect(toggled("pump", "site=south")).toBe("pump site=south");
    expect(toggled("pump site=south", "site=south")).toBe("pump");
  });
});

describe("what cannot be answered is said, with how to write it", () => {
  const fleet = [device("pump-7", { site: "south", rack: "12" }), device("oven")];
  const latest = {
    "id-pump-7": values(
      "pump-7",
      { temperature: 14.5, humidity: 45, "mem.used_pct": 42, uptime: 90 },
      { temperature: "Cel", humidity: "%[RH]", "mem.used_pct": "%", uptime: "s" },
    ),
    "id-oven": values("oven", { temperature: 180 }, { temperature: "Cel" }),
  };
  test.each([
    ["temperature<15C", null],
    ["humidity>50%", null],
    ["temperature<15 °C", null],
    ["temperature<59F", null],
    ["temp < 15", null],
    ["site=north", null],
    ["rack>3", null],
    ["pump", null],
    ["temperature<", null],
    ["uptime>1h", null],
    ["mem.used>2GiB", "Memory used is measured in %, not in GiB. Write for example mem.used>42%."],
    ["temperature<15V", "Temperature is measured in °C, not in V. Write for example temperature<15°C."],
    ["temperature > 5parsec", "Temperature is measured in °C, not in parsec. Write for example temperature>15°C."],
    ["temperature<warm", "“warm” is not a number. Write for example temperature<15.5."],
    ["temperature<1.000,5", "“1.000,5” is not a number. Write for example temperature<15.5."],
    ["temperature=warm", "“warm” is not a number. Write for example temperature=14.5."],
    [
      "pressure>1000",
      "No device has a sensor or label called “pressure”. There are humidity, mem.used_pct, temperature, uptime.",
    ],
    ["used>90", "No device has a sensor or label called “used”. Did you mean mem.used_pct?"],
    ["floor=two", "No device has a label called “floor”."],
  ])("%s", (q, said) => expect(misunderstood(parseFilter(q), fleet, latest)).toBe(said));
  test.each([
    ["temperature<3C", "Temperature is between 14.5\u202f°C and 180\u202f°C."],
    ["humidity>90", "Humidity is 45\u202f%."],
    ["pump temperature>100", "Each part of this is true of some device, but all of it of none."],
    ["temperature<15 parsec", "No device has “parsec” in its name, address, labels or sensors."],
    ["oven", null],
  ])("why nothing is found: %s", (q, said) => expect(whyNone(parseFilter(q), fleet, latest)).toBe(said));
  test("without any value nothing is offered", () => {
    expect(misunderstood(parseFilter("t>3"), fleet, {})).toBe("No device has a sensor or label called “t”.");
  });
});

test("the sensors that a search compares are known, so that they can be shown", () => {
  const sensors = ["temperature", "battery", "mem.used_pct"];
  const of = (q: string) => compared(parseFilter(q), sensors);
  expect(of("bat<20 site=south pump")).toEqual(["battery"]);
  expect(of("memoryused>5 temp>3")).toEqual(["mem.used_pct", "temperature"]);
  expect(of("site=south")).toEqual([]);
});
