import { describe, expect, test } from "vitest";
import {
  apart,
  ago,
  clean,
  commonDecimals,
  digits,
  duration,
  limitOf,
  measured,
  parseSpan,
  scale,
  span,
  moment,
  valueTicks,
} from "./format";

describe("device text", () => {
  test("direction and invisible characters are gone", () => {
    expect(clean("pump\u202Egnp.exe\u200B\u0007 7")).toBe("pumpgnp.exe 7");
    expect(clean("\u2066left\u2069")).toBe("left");
  });
  test("markup stays text and 10 kB becomes 64 characters", () => {
    expect(clean("<img onerror=alert(1)>")).toBe("<img onerror=alert(1)>");
    expect([...clean("x".repeat(10_240))]).toHaveLength(64);
    expect(clean("x".repeat(10_240)).endsWith("…")).toBe(true);
  });
  test("a name is cut between characters, never inside one", () => {
    expect(clean("🚰🚰🚰🚰", 3)).toBe("🚰🚰…");
  });
});

describe("numbers", () => {
  test("three to four significant digits", () => {
    expect(digits(21.437)).toBe("21.44");
    expect(digits(0.12345)).toBe("0.123");
    expect(digits(1234.567)).toBe("1235");
    expect(digits(48)).toBe("48");
    expect(digits(1234567)).toBe("1\u2009234\u2009567");
  });
  test("zeros at the end say nothing, unless the neighbours have decimals there", () => {
    expect(digits(22.3)).toBe("22.3");
    expect(digits(100)).toBe("100");
    expect(digits(21.999)).toBe("22");
    expect(measured(22, "°C", commonDecimals([21.9, 22, 23.75], "°C"))).toBe("22.00\u202f°C");
    expect(commonDecimals([null, 5, 12], "")).toEqual({ common: 0, least: 0 });
    // Of a share that hardly moves as well; a sentence tells its limit from what went beyond it.
    expect(measured(30.6041, "%", commonDecimals([30.6041, 30.6043], "%"))).toBe("30.60\u202f%");
    expect(measured(30.0041, "%", apart([30.0041, 30], "%"))).toBe("30.0041\u202f%");
  });
  test("a large number that moves little shows what moves", () => {
    const shown = (...values: number[]) => values.map((value) => measured(value, "hPa", commonDecimals(values, "hPa")));
    expect(shown(1013.253871, 1013.4, 1013.118)).toEqual(["1013.25\u202fhPa", "1013.40\u202fhPa", "1013.12\u202fhPa"]);
    expect(shown(1013.253871, 1009.118)).toEqual(["1013.3\u202fhPa", "1009.1\u202fhPa"]);
    expect([shown(1013.1, 1013.4), shown(1234, 1235)]).toEqual([
      ["1013.1\u202fhPa", "1013.4\u202fhPa"],
      ["1234\u202fhPa", "1235\u202fhPa"],
    ]);
    expect(shown(1013, 871.25)).toEqual(["1013\u202fhPa", "871.3\u202fhPa"]);
    expect(shown(0.5, 1500)).toEqual(["0.5\u202fhPa", "1500\u202fhPa"]);
    expect([digits(1013.25), digits(12_345.5), digits(1_234_567.5)], "or has few digits").toEqual([
      "1013.25",
      "12\u2009345.5",
      "1\u2009234\u2009568",
    ]);
    expect(measured(1_048_700, "B", commonDecimals([1_048_576, 1_048_700], "B"))).toBe("1.00012\u202fMiB");
  });
  test("a limit is what was typed", () => {
    expect([limitOf(1009.55, "hPa"), limitOf(-0.00005, ""), limitOf(21.4375, "Cel"), limitOf(0.1 + 0.2, "")]).toEqual([
      "1009.55\u202fhPa",
      "−0.00005",
      "21.4375\u202f°C",
      "0.3",
    ]);
    expect(limitOf(2 * 2 ** 30, "By")).toBe("2\u202fGiB");
  });
  test("minus zero is zero, minus is a minus sign", () => {
    expect(digits(-0.000_001 * 0)).toBe("0");
    expect(digits(-3.5)).toBe("−3.5");
  });
  test("bytes go by 1024, hertz by 1000, degrees by nothing", () => {
    expect(measured(2048, "B")).toBe("2\u202fKiB");
    expect(measured(2_400_000_000, "Hz")).toBe("2.4\u202fGHz");
    expect(measured(2048, "°C")).toBe("2048\u202f°C");
    expect(measured(5, "Cel/min")).toBe("5\u202f°C/min");
    expect(measured(5, "odd/min")).toBe("5\u202fodd/min");
    expect(scale("B", 1024 ** 3)).toEqual({ divisor: 1024 ** 3, unit: "GiB" });
  });
  test("codes of agents become signs, long times become days", () => {
    expect(measured(21.5, "Cel")).toBe("21.5\u202f°C");
    expect(measured(3 * 2 ** 30, "By")).toBe("3\u202fGiB");
    expect(measured(1536, "By/s")).toBe("1.5\u202fKiB/s");
    expect(measured(12, "1/s")).toBe("12\u202f/s");
    expect(measured(30, "s")).toBe("30\u202fs");
    expect(measured(4.5 * 86_400, "s")).toBe("4.5\u202fd");
    expect(valueTicks("s", 0, 10_800, 3_600).map((tick) => tick.label)).toEqual([
      "0",
      "1\u202fh",
      "2\u202fh",
      "3\u202fh",
    ]);
  });
  test("marks of an axis are round in its unit and have the same decimals", () => {
    const labels = (...of: Parameters<typeof valueTicks>) => valueTicks(...of).map((tick) => tick.label);
    expect(labels("%", 42, 53, 2.5)).toEqual(["42", "44", "46", "48", "50", "52"]);
    expect(labels("hPa", 1009.1, 1014.9, 2.5)).toEqual(["1010", "1012", "1014"]);
    expect(labels("", 0, 1.6, 0.5)).toEqual(["0.0", "0.5", "1.0", "1.5"]);
    expect(labels("°C", -1.2, 0.7, 0.5)).toEqual(["−1.0", "−0.5", "0.0", "0.5"]);
    expect(labels("B", 2.8 * 1024 ** 3, 3.1 * 1024 ** 3, 1e8)).toEqual([
      "2.8\u202fGiB",
      "2.9\u202fGiB",
      "3.0\u202fGiB",
      "3.1\u202fGiB",
    ]);
  });
  test("a missing value is a dash, not a zero", () => {
    expect(measured(null, "°C")).toBe("–\u202f°C");
    expect(measured(7, "1")).toBe("7");
  });
});

describe("time", () => {
  test("two largest units", () => {
    expect(duration(38_000)).toBe("38 s");
    expect(duration(125_000)).toBe("2 min 05 s");
    expect(duration(12_000_000)).toBe("3 h 20 min");
    expect(duration(4 * 86_400_000 + 7_200_000)).toBe("4 d 2 h");
  });
  test("the age of what never came", () => {
    expect(ago(null, 0)).toBe("never");
    expect(ago(9_000, 10_000)).toBe("just now");
    expect(ago(0, 40_000)).toBe("40 s ago");
  });
  test("spans read and written alike", () => {
    for (const text of ["500ms", "60s", "5m", "1h", "7d"]) expect(parseSpan(text)).not.toBeNull();
    expect(parseSpan("1h30m")).toBe(5_400_000);
    for (const text of ["5 minutes", "1.5h", "h", "", "60"]) expect(parseSpan(text)).toBeNull();
    expect(span(parseSpan("90s")!)).toBe("90s");
    expect(span(3_600_000)).toBe("1h");
  });
});

test("the time under the cursor has its date where the chart shows more than a day", () => {
  const now = Date.UTC(2026, 10, 29, 17, 30);
  expect(moment(now - 60_000, now, 3_600_000)).toBe("17:29:00");
  expect(moment(now - 60_000, now, 30 * 86_400_000)).toBe("2026-11-29 17:29:00");
  expect(moment(now - 86_400_000, now, 3_600_000)).toBe("2026-11-28 17:30:00");
});

test.each([
  ["[ppm]", "21\u202fppm"],
  ["[degF]", "21\u202f°F"],
  ["{count}", "21\u202fcount"],
  ["%{RH}", "21\u202f%"],
  ["dB[mW]", "21\u202fdBm"],
  ["[pH]", "21\u202fpH"],
  ["[ppm]/min", "21\u202fppm/min"],
  ["constructor", "21\u202fconstructor"],
  ["[", "21\u202f["],
  ["[a]b[c]", "21\u202f[a]b[c]"],
])("a unit that is sent as %s", (unit, text) => {
  expect(measured(21, unit)).toBe(text);
});
