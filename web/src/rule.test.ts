import { describe, expect, test } from "vitest";
import { beganAt, glob, meant, silenceOver } from "./alert";
import { charted, differs, firedOn, noise, outcome, reading, sentence, unitOf, waitsFor, watchesNothing } from "./rule";
import type { Alert, Backtest, Condition, Device, Latest, Rule, Silence } from "./types";

describe("globs", () => {
  test("a star is any text, a dot is a dot", () => {
    expect(glob("temp*", "temp.inside")).toBe(true);
    expect(glob("temp.inside", "tempXinside")).toBe(false);
    expect(glob("*", "")).toBe(true);
    expect(glob("room-?", "room-12")).toBe(false);
    expect(meant("b*", "c1", "b1234567-abcdefg")).toBe(false);
    expect(meant("b1234567*", "c1", "b1234567-abcdefg")).toBe(true);
    expect(meant("b1234567-abcdefg", "c1", "b1234567-abcdefg")).toBe(true);
    expect(glob("a[b]*", "a[b]c")).toBe(true);
  });
});

test("a rule reads as a sentence", () => {
  expect(
    sentence({
      device: "*",
      sensor: "temp",
      labels: {},
      condition: { type: "threshold", op: ">", value: 30 },
      for: "60s",
    }),
  ).toBe("temp of any device > 30 for 60s");
  expect(
    sentence({
      device: "*",
      sensor: "temp",
      labels: { site: "south" },
      condition: { type: "threshold", op: ">", value: 30 },
      for: "0s",
    }),
  ).toBe("temp of any device with site=south > 30");
  expect(
    sentence(
      {
        device: "shed",
        sensor: "cpu.used_pct",
        labels: {},
        condition: { type: "threshold", op: ">", value: 90 },
        for: "0s",
      },
      "%",
    ),
  ).toBe("CPU of shed > 90\u202f%");
  expect(
    sentence(
      {
        device: "*",
        sensor: "*",
        labels: {},
        condition: { type: "increase", op: ">", value: 2 ** 31, over: "1d", clear: null },
        for: "0s",
      },
      "By",
    ),
  ).toBe("Any sensor of any device grows > 2\u202fGiB in 1d");
});

test("the unit of a rule is that of all it watches", () => {
  const device = (id: string, labels: Record<string, string> = {}) => ({ id, name: id, labels }) as Device;
  const of = (sensors: Record<string, string>) =>
    Object.fromEntries(Object.entries(sensors).map(([sensor, unit]) => [sensor, { sensor, unit } as Latest]));
  const devices = [device("a", { site: "south" }), device("b")];
  const latest = { a: of({ temp: "Cel", hum: "%" }), b: of({ temp: "K" }) };
  const unit = (more: Partial<Rule>) => unitOf({ device: "*", sensor: "*", labels: {}, ...more }, devices, latest);
  expect([
    unit({}),
    unit({ sensor: "hum" }),
    unit({ sensor: "temp" }),
    unit({ sensor: "temp", device: "b" }),
    unit({ sensor: "t*", labels: { site: "south" } }),
    unit({ sensor: "x" }),
  ]).toEqual(["", "%", "", "K", "Cel", ""]);
});

test("a rule that nothing matches is known as such, once every device is known", () => {
  const device = (id: string, sensors: number) => ({ id, name: id, labels: {}, sensors }) as unknown as Device;
  const latest = { a: { temp: {} as Latest } };
  const condition = { type: "silence", after: "5m" } as const;
  const nothing = (sensor: string, devices: Device[], name = "*") =>
    watchesNothing({ device: name, sensor, labels: {}, condition }, devices, latest);
  const ofDevice = { device: "b", sensor: "*", labels: {}, condition: { type: "source_failing" } } as const;
  expect([device("a", 1), device("b", 0)].map((one) => watchesNothing(ofDevice, [one], latest))).toEqual([true, false]);
  expect(nothing("temp", [device("a", 1)])).toBe(false);
  expect(nothing("moisture", [device("a", 1)])).toBe(true);
  expect(nothing("temp", [device("a", 1)], "b")).toBe(true);
  expect(nothing("moisture", [device("a", 1), device("b", 2)])).toBe(false);
  expect(nothing("moisture", [device("a", 1), device("waits", 0)])).toBe(true);
});

test("every kind of rule reads as a sentence", () => {
  const say = (condition: Condition) => sentence({ device: "*", sensor: "temp", labels: {}, condition, for: "0s" });
  expect(say({ type: "rate", op: ">", value: 5, per: "60s", over: "5m", clear: null })).toBe(
    "temp of any device changes > 5 per 60s over 5m",
  );
  expect(say({ type: "deviation", sigmas: 4, over: "1h", clear: null, least: 0.5 })).toBe(
    "temp of any device 4 σ away from its last 1h, and more than 0.5",
  );
  expect(say({ type: "average", op: ">", value: 5, over: "1h", clear: null })).toBe(
    "temp of any device on average > 5 over 1h",
  );
  expect(say({ type: "stuck", least: 0.5, after: "2h" })).toBe("temp of any device within 0.5 for 2h");
  expect(say({ type: "seasonal", sigmas: 4, least: 1, clear: null })).toBe(
    "temp of any device 4 deviations away from this time of day, and more than 1",
  );
  expect(say({ type: "silence", after: "5m" })).toBe("temp of any device silent for 5m");
  expect(say({ type: "forecast", op: ">=", value: 100, within: "3d", over: "1d", clear: null })).toBe(
    "temp of any device reaches 100 within 3d, by its last 1d",
  );
  expect(say({ type: "offline", after: "60s" })).toBe("Any device is offline for 60s");
  expect(say({ type: "source_failing" })).toBe("Any device reports a source that fails");
  expect(say({ type: "clock_off", by: "60s" })).toBe("Any device has a clock off by more than 60s");
  const silent = { type: "silence" as const, after: "5m" };
  expect(say({ type: "count", op: ">=", value: 3, clear: null, condition: silent })).toBe(
    "At least 3 devices: temp silent for 5m",
  );
  expect(say({ type: "difference", other: "out", op: ">", value: 5, clear: null, within: "5m" })).toBe(
    "temp of any device minus out > 5",
  );
  const warm: Condition & { type: "threshold" } = { type: "threshold", op: ">", value: 30, clear: null };
  expect(
    say({
      type: "any",
      parts: [
        { sensor: null, condition: warm },
        { sensor: "hum", condition: warm },
      ],
      within: "5m",
    }),
  ).toBe("temp of any device > 30 or hum > 30");
  const waiting = { device: "*", sensor: "temp", labels: {}, for: "1m", clear_for: "5m" };
  expect(sentence({ ...waiting, condition: { type: "threshold", op: ">", value: 5, clear: null } })).toBe(
    "temp of any device > 5 for 1m, until good for 5m",
  );
});

test("an alert is since when it has been true, not since when its rule fired", () => {
  const alert = { started_at: "2026-11-22T11:00:00.000Z", fired_at: "2026-11-22T11:00:02.000Z" };
  expect(beganAt(alert)).toBe(Date.UTC(2026, 10, 22, 11));
});

describe("what an alert measured", () => {
  const of = (
    measure: Alert["measure"],
    unit: string,
    value: number | null,
    threshold: number,
    more: Partial<Alert> = {},
  ) => reading({ measure, unit, value, worst_value: value, last_value: null, threshold, state: "firing", ...more });
  test("a reading, its rate, its deviation, its absence", () => {
    const part = {
      sensor: "temp",
      measure: "value" as const,
      unit: "Cel",
      value: 31,
      threshold: 30,
      threshold_unit: "Cel",
      is_true: true,
      usual: null,
    };
    const unknown = { ...part, sensor: "hum", value: null, is_true: false };
    expect(of("parts", "1", 1, 2, { parts: [part, unknown] })).toBe("temp 31\u202f°C, limit 30\u202f°C, hum not known");
    expect(of("stuck", "Cel", 21.5, 1_800)).toBe("stood still at 21.5\u202f°C for more than 30 min");
    expect(of("value", "Cel", 31, 30)).toBe("fired at 31\u202f°C, limit 30\u202f°C");
    expect(of("rate", "Cel/min", -6, -5)).toBe("fired at −6\u202f°C/min, limit −5\u202f°C/min");
    expect(of("sigmas", "sigma", -5.25, 4)).toBe("fired at 5.25 σ below usual, limit 4 σ");
    expect(of("silence", "s", null, 300)).toBe("nothing received for more than 5 min 00 s");
    expect(of("forecast", "s", 2 * 86_400 + 4 * 3_600, 3 * 86_400)).toBe(
      "will reach its limit in 2 d 4 h, limit 3 d 0 h",
    );
    const over = { state: "resolved", last_value: 315_360_000 } as const;
    expect(of("forecast", "s", 60, 3_600, over)).toBe("does not go towards its limit, limit 1 h 00 min");
    expect(of("sources", "1", 2, 0)).toBe("2 sources fail");
    expect(of("clock", "s", -90, 60)).toBe("clock 1 min 30 s behind, limit 1 min 00 s");
    expect(of("value", "Cel", 31, 30, { state: "pending" })).toBe("31\u202f°C, limit 30\u202f°C");
  });
  test("what is unusual says what is usual", () => {
    const usual = { value: 31.2, low: 20.4, high: 22.1, unit: "Cel" };
    const is = "31.2\u202f°C, usually 20.4\u202f°C to 22.1\u202f°C";
    expect(of("sigmas", "sigma", 8, 4, { usual })).toBe(`fired at ${is} (8 σ above usual), limit 4 σ`);
    const over = { usual: { ...usual, value: 20.4, low: 22.1 }, state: "resolved", last_value: -1 } as const;
    expect(of("sigmas", "sigma", 8, 4, over)).toBe(
      "fired at 8 σ above usual, limit 4 σ, ended at 20.4\u202f°C, usually 22.1\u202f°C",
    );
    const part = {
      sensor: "temp",
      measure: "sigmas" as const,
      unit: "sigma",
      value: 8,
      threshold: 4,
      threshold_unit: "sigma",
      is_true: true,
    };
    expect(of("parts", "1", 1, 2, { parts: [{ ...part, usual }] })).toBe(`temp ${is} (8 σ from usual), limit 4 σ`);
  });
  test("how many devices have what, of how many, and which", () => {
    const state = { type: "threshold", op: ">", value: 30, clear: null } as const;
    const rule = { type: "count", op: ">=", value: 2, clear: null, condition: state } as const;
    const counting = { devices: 5, sensor: "temperature", unit: "Cel", measure: "value" as const, threshold: 30 };
    const alert = {
      ...{ measure: "devices" as const, unit: "1", value: 3, worst_value: 3, last_value: null, threshold: 2 },
      ...{ state: "firing" as const, devices: ["attic", "barn"], counting },
    };
    const so = "3 devices of 5 with Temperature > 30\u202f°C: attic, barn and 1 more, limit 2";
    expect(reading(alert, rule)).toBe(so);
    expect(reading({ ...alert, counting: null })).toBe("3 devices: attic, barn and 1 more, limit 2");
    expect(reading({ ...alert, value: 1, devices: ["attic"] })).toBe("1 device of 5: attic, limit 2");
  });
  test("a value just beyond its limit is not written like it", () => {
    expect(of("value", "Cel", 4.9999999, 5)).toBe("fired at 4.9999999\u202f°C, limit 5\u202f°C");
    expect(of("value", "Cel", 5.004, 5, { worst_value: 80 })).toBe(
      "fired at 5.004\u202f°C, limit 5\u202f°C, at worst 80\u202f°C",
    );
    expect(of("sigmas", "sigma", 4.0004, 4)).toBe("fired at 4.0004 σ above usual, limit 4 σ");
  });
  test("of what is over it is what fired it and the worst, not what it came back to", () => {
    expect(of("value", "%", 51, 50, { state: "resolved", worst_value: 98, last_value: 11.6 })).toBe(
      "fired at 51\u202f%, limit 50\u202f%, at worst 98\u202f%",
    );
    expect(of("sigmas", "sigma", 5, 4, { worst_value: -9 })).toBe(
      "fired at 5 σ above usual, limit 4 σ, at worst 9 σ below usual",
    );
    expect(
      of("value", "%", null, 50, { state: "resolved", worst_value: null, last_value: 11.6 }),
      "an older hub kept no more",
    ).toBe("ended at 11.6\u202f%, limit 50\u202f%");
  });
});

test("a silence covers what it names, while it holds", () => {
  const alert = {
    rule: { id: "rul_1", name: "hot" },
    device: "id1",
    device_name: "shed",
    sensor: "temp",
    labels: { room: "lab" },
  };
  const silence = (change: Partial<Silence>): Silence => ({
    id: "sil_1",
    rule: null,
    device: "*",
    sensor: "*",
    labels: {},
    from: "2026-11-22T10:00:00Z",
    until: "2026-11-22T11:00:00Z",
    weekly: null,
    state: "active",
    comment: "",
    created_at: "",
    ...change,
  });
  const over = (change: Partial<Silence>, at = "2026-11-22T10:30:00Z") =>
    silenceOver([silence(change)], alert, Date.parse(at)) !== null;
  expect(over({})).toBe(true);
  expect(over({}, "2026-11-22T11:00:00Z")).toBe(false);
  expect(over({ rule: "rul_1", device: "sh*", sensor: "t*", labels: { room: "lab" } })).toBe(true);
  expect([
    over({ rule: "rul_2" }),
    over({ device: "attic" }),
    over({ sensor: "hum" }),
    over({ labels: { room: "shed" } }),
  ]).toEqual([false, false, false, false]);
});

test("the limit of another sensor is in its own unit", () => {
  const limit = (value: number) => ({ type: "threshold" as const, op: ">" as const, value, clear: null });
  const parts = [
    { sensor: null, condition: limit(30) },
    { sensor: "hum", condition: limit(70) },
  ];
  const rule = { device: "*", sensor: "t", labels: {}, for: "0s", condition: { type: "all" as const, parts } };
  expect(sentence(rule, "Cel", () => "%")).toBe("t of any device > 30\u202f°C and hum > 70\u202f%");
});

test("what a rule waits for is said", () => {
  const needs = { readings: 10, span: "30m", series: 3, waiting: 0, too_short: null };
  expect([waitsFor({ needs: null, missing: [] }), waitsFor({ needs, missing: [] })]).toEqual([null, null]);
  expect(waitsFor({ needs: { ...needs, waiting: 1 }, missing: [] })).toBe(
    "1 of its 3 sensors has not reported enough yet: 10 readings over 30 min are needed.",
  );
  expect(waitsFor({ needs: { ...needs, waiting: 3 }, missing: [] })).toContain("Its sensors have");
  const seldom = "readings come each 5m, too seldom for 5m of them, which takes 2: use 15m";
  expect(waitsFor({ needs: { ...needs, too_short: seldom }, missing: [] })).toBe(`R${seldom.slice(1)}.`);
  // Of what no device has no reading can come.
  expect(waitsFor({ needs: { ...needs, waiting: 3 }, missing: ["nosuch"] })).toBe("No device has a sensor nosuch.");
});

describe("what a rule would have done", () => {
  const needs = { readings: 10, span: "30m", series: 1, waiting: 1, too_short: null };
  const series = (fires: number, readings = 100, judged = readings) => ({
    device: "d",
    device_name: "d",
    sensor: "s",
    unit: "",
    readings,
    judged,
    fires,
    firing_s: fires * 60,
    firings: [],
  });
  const of = (all: ReturnType<typeof series>[], more: Partial<Backtest> = {}) =>
    outcome({
      from: "",
      to: "",
      measure: "value",
      needs: null,
      missing: [],
      fires: all.reduce((sum, one) => sum + one.fires, 0),
      watched: all.length,
      noise: [],
      difference: null,
      series: all,
      truncated: false,
      ...more,
    });
  test("a sensor that no device has is named, whether it fired or could not", () => {
    expect(of([series(0, 5, 0)], { missing: ["nosuch"] })).toBe("No device has a sensor nosuch.");
    expect(of([series(1)], { missing: ["nosuch"] })).toContain("fired once, for 1 min 00 s. No device has a sensor");
  });
  test("is counted, on how many series, for how long", () => {
    expect(of([series(0)])).toBe("In the last 24 h this would not have fired (1 sensor checked).");
    expect(of([series(1), series(0)])).toBe(
      "In the last 24 h this would have fired once, on 1 of 2 sensors, for 1 min 00 s.",
    );
    expect(of([series(1)])).toBe("In the last 24 h this would have fired once, for 1 min 00 s.");
    expect(of([series(3)])).toBe("In the last 24 h this would have fired 3 times, for 3 min 00 s in all.");
    // Ten sensors that fire at once do so for as long as one of them.
    expect(of([series(1), series(3), series(0)])).toBe(
      "In the last 24 h this would have fired 4 times, on 2 of 3 sensors, for 3 min 00 s on the one with the most.",
    );
  });
  test("what another version does differently, and how loud it is", () => {
    const nothing = { appear: 0, vanish: 0, moved: 0, changes: [], truncated: false };
    expect(differs(nothing)).toBe("Compared with the rule as it is: the same firings.");
    expect(differs({ ...nothing, appear: 2, vanish: 31, truncated: true })).toBe(
      "Compared with the rule as it is: 2 new, 31 gone, as far as they are listed.",
    );
    // Counted in the time it was tried on, and not as a week that would go on like it.
    const loud = (device_name: string, fires: number) => ({ device: device_name, device_name, fires, per_week: 7 });
    const range = { from: "2026-11-23T10:00:00.000Z", to: "2026-11-30T10:00:00.000Z" };
    expect(noise({ ...range, noise: [loud("a", 24), loud("b", 2), loud("c", 1), loud("d", 1)] })).toBe(
      "Most alerts in these 7 days: a 24, b 2, c 1, and on 1 more.",
    );
    expect(of([series(1)], range)).toContain("In the last 7 days this would have fired once");
    expect(of([series(1)], { ...range, from: "2026-11-29T10:00:00.000Z" })).toContain("In the last 24 h");
  });
  test("what would have been firing when the day began is said", () => {
    const from = "2026-11-29T10:00:00.000Z";
    const firings = [{ from: "2026-11-29T09:59:00.000Z", to: null, value: 0 }];
    expect(of([{ ...series(1), firings: firings as never[] }], { from })).toBe(
      "In the last 24 h this would have fired once, for 1 min 00 s, since before that.",
    );
    expect(of([{ ...series(1), firings: firings as never[] }, series(1)], { from })).toBe(
      "In the last 24 h this would have fired 2 times, on 2 of 2 sensors, for 1 min 00 s on the one with the most, " +
        "one of them since before that.",
    );
  });
  test("nothing watched, nothing heard and nothing judged are three things", () => {
    expect(of([])).toBe("No sensor matches yet. The rule starts when one does.");
    expect(of([series(0, 0)])).toBe("No matching sensor has reported in the last 24 h.");
    expect(of([series(0, 9, 0)], { needs })).toBe(
      "Not enough data yet: this rule needs 10 readings over 30 min to judge.",
    );
    const seldom = { ...needs, too_short: "readings come each 5m, too seldom for 5m of them, which takes 2: use 15m" };
    expect(of([series(0, 9, 0)], { needs: seldom })).toBe(
      "Readings come each 5m, too seldom for 5m of them, which takes 2: use 15m.",
    );
    expect(of([series(2), series(0, 9, 0)])).toContain("1 of them has too few readings");
    expect(of([series(1, 0)], { measure: "silence" })).toContain("would have fired once");
    expect(of([series(1, 0)]), "beyond its limit by the last that it said").toContain("would have fired once");
  });
  test("the devices it would have fired on are named, most often first", () => {
    const on = (device: string, fires: number) => ({ ...series(fires), device });
    const all = [on("a", 0), on("b", 1), on("c", 3)];
    expect(
      firedOn({
        from: "",
        to: "",
        measure: "value",
        needs: null,
        missing: [],
        fires: 4,
        watched: 3,
        noise: [],
        difference: null,
        series: all,
        truncated: false,
      }).map(({ device }) => device),
    ).toEqual(["c", "b"]);
  });
  test("drawn is where it would have fired most, else what was measured, of one unit", () => {
    const past = (all: (ReturnType<typeof series> & { unit: string })[]) => ({
      from: "",
      to: "",
      measure: "value" as const,
      needs: null,
      missing: [],
      fires: 0,
      watched: all.length,
      noise: [],
      difference: null,
      series: all,
      truncated: false,
    });
    const on = (device: string, fires: number, unit = "Cel", readings = 9) => ({
      ...series(fires, readings),
      device,
      unit,
    });
    const drawn = (...all: Parameters<typeof past>[0]) =>
      charted(past(all), 2)
        .map(({ device }) => device)
        .join("");
    expect([
      drawn(on("a", 0), on("b", 1), on("c", 3), on("d", 2, "%")),
      drawn(on("a", 0, "Cel", 0), on("b", 0), on("c", 0, "%"), on("d", 0), on("e", 0)),
      drawn(),
    ]).toEqual(["cb", "bd", ""]);
  });
  test("what was left out is said", () => {
    expect(of([series(0)], { watched: 1_200, truncated: true })).toContain("Only 1 of 1200 sensors were checked.");
  });
});
