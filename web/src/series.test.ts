import { describe, expect, test } from "vitest";
import { buckets, gapAfter, isStale, Points, redrawPeriod, shareRange, valueRange } from "./series";
import type { Series } from "./types";

/** What the hub answers: readings in buckets of that width, empty buckets included. */
function bucketed(readings: [number, number][], from: number, to: number, width: number): Series {
  const series: Series = {
    device: "d",
    sensor: "s",
    unit: "",
    t: [],
    count: [],
    min: [],
    max: [],
    avg: [],
    first: [],
    last: [],
  };
  let next = 0;
  for (let start = from; start < to; start += width) {
    const values: number[] = [];
    while (next < readings.length && readings[next]![0] < start) next++;
    for (; next < readings.length && readings[next]![0] < start + width; next++) values.push(readings[next]![1]);
    const none = values.length === 0;
    series.t.push(start);
    series.count.push(values.length);
    series.min.push(none ? null : Math.min(...values));
    series.max.push(none ? null : Math.max(...values));
    series.avg.push(none ? null : values.reduce((a, b) => a + b) / values.length);
    series.first.push(none ? null : values[0]!);
    series.last.push(none ? null : values.at(-1)!);
  }
  return series;
}

function every(ms: number, from: number, to: number, value = (at: number) => at): [number, number][] {
  const readings: [number, number][] = [];
  for (let at = from; at < to; at += ms) readings.push([at, value(at)]);
  return readings;
}

describe("gaps", () => {
  test("a device that speaks on time has none, however slow it is", () => {
    const points = new Points();
    for (const [at, value] of every(10_000, 0, 100_000)) points.append(at, value);
    expect(points.columns(0, 100_000, 10_000).gaps).toEqual([]);
  });

  test("silence of more than three intervals breaks the line with a null", () => {
    const points = new Points();
    for (const at of [0, 1_000, 2_000, 9_000, 10_000]) points.append(at, 1);
    const columns = points.columns(0, 10_000, 1_000);
    expect(columns.gaps).toEqual([[2_000, 9_000]]);
    expect(columns.avg).toEqual([1, 1, 1, null, 1, 1]);
  });

  test("jitter below two seconds is no gap for a fast sensor", () => {
    const points = new Points();
    for (const at of [0, 200, 400, 2_300]) points.append(at, 1);
    expect(points.columns(0, 3_000, 200).gaps).toEqual([]);
  });

  test("one long outage is one gap at every zoom level", () => {
    const readings = [...every(1_000, 0, 300_000), ...every(1_000, 600_000, 900_000)];
    for (const width of [1_000, 2_000, 5_000, 15_000, 60_000]) {
      const points = new Points();
      points.fill(bucketed(readings, 0, 900_000, width), 0, 900_000, 900_000 / width);
      const { gaps } = points.columns(0, 900_000, 1_000);
      expect(gaps).toHaveLength(1);
      expect(Math.abs(gaps[0]![0] - 300_000)).toBeLessThanOrEqual(width);
      expect(Math.abs(gaps[0]![1] - 600_000)).toBeLessThanOrEqual(width);
    }
  });

  test("200 random outages are the same gaps at five zoom levels, announced interval or not", () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const readings: [number, number][] = [];
    const outages: [number, number][] = [];
    let at = 0;
    for (let i = 0; i < 200; i++) {
      const until = at + 1_000 * Math.round(130 + random() * 300);
      readings.push(...every(1_000, at, until));
      at = until + 1_000 * Math.round(130 + random() * 600);
      outages.push([until - 1_000, at]);
    }
    readings.push(...every(1_000, at, at + 300_000));
    const end = Math.ceil((at + 300_000) / 60_000) * 60_000;
    for (const width of [1_000, 5_000, 10_000, 30_000, 60_000]) {
      const points = new Points();
      points.fill(bucketed(readings, 0, end, width), 0, end, end / width);
      for (const interval of [1_000, null]) {
        const { gaps, avg } = points.columns(0, end, interval);
        expect(gaps).toHaveLength(outages.length);
        expect(avg.filter((value) => value === null)).toHaveLength(outages.length);
        gaps.forEach(([from, to], i) => {
          expect(Math.abs(from - outages[i]![0])).toBeLessThanOrEqual(width);
          expect(Math.abs(to - outages[i]![1])).toBeLessThanOrEqual(width);
        });
      }
    }
  });

  test("a sensor that reports every ten seconds is a line, though its device reports every second", () => {
    for (const width of [1_000, 60_000]) {
      const points = new Points();
      points.fill(bucketed(every(10_000, 0, 1_200_000), 0, 1_200_000, width), 0, 1_200_000, 1_200_000 / width);
      expect(points.columns(0, 1_200_000, null).gaps).toEqual([]);
    }
  });

  test("a sensor that is asked more often from a moment on is a line before it as well", () => {
    const slow = every(60_000, 0, 1_800_000).filter(([at]) => at < 600_000 || at >= 1_200_000);
    const fast = every(1_000, 1_800_000, 2_400_000).filter(([at]) => at < 2_000_000 || at >= 2_060_000);
    for (const readings of [
      [...slow, ...fast],
      [...fast.map(([at]) => at), ...slow.map(([at]) => at)]
        .map((at) => 2_400_000 - at)
        .sort((a, b) => a - b)
        .map((at) => [at, at]),
    ] as [number, number][][]) {
      const raw = new Points();
      for (const [at, value] of readings) raw.append(at, value);
      const { avg, gaps } = raw.columns(0, 2_400_000, null);
      expect(gaps).toHaveLength(2);
      expect(avg).toHaveLength(readings.length + 2);
      // The interval that it announces by now is one a second.
      expect(raw.summary(0, 2_400_000, 1_000).gaps).toBe(2);
      const filled = new Points();
      filled.fill(bucketed(readings, 0, 2_460_000, 5_000), 0, 2_460_000, 492);
      expect(filled.columns(0, 2_460_000, null).gaps).toHaveLength(2);
    }
  });

  test("empty buckets narrower than the interval are no gaps", () => {
    const points = new Points();
    points.fill(bucketed(every(10_000, 0, 100_000), 0, 100_000, 1_000), 0, 100_000, 100);
    expect(points.columns(0, 100_000, 10_000).gaps).toEqual([]);
  });

  test("a series without a known interval takes its own rhythm", () => {
    const points = new Points();
    for (const at of [0, 5_000, 10_000, 15_000, 20_000]) points.append(at, 1);
    expect(points.typicalInterval()).toBe(5_000);
    expect(gapAfter(new Points().typicalInterval())).toBe(Infinity);
    // A history of one a minute has no gaps because the sensor announces one a second by now.
    expect([gapAfter(1_000, 60_000), gapAfter(60_000, 1_000), gapAfter(undefined, null)]).toEqual([
      180_000,
      180_000,
      Infinity,
    ]);
  });
});

describe("history and live", () => {
  test("a reading the history has counted is not drawn twice", () => {
    const points = new Points();
    points.fill(bucketed(every(1_000, 0, 60_000), 0, 60_000, 1_000), 0, 60_000, 60);
    const before = points.length;
    expect(points.append(59_000, 1)).toBe(false);
    expect(points.append(60_500, 1)).toBe(true);
    expect(points.append(60_500, 1)).toBe(false);
    expect(points.length).toBe(before + 1);
  });

  test("a refill keeps the live points that came after it was asked for", () => {
    const points = new Points();
    for (const at of [10_000, 61_000, 62_000]) points.append(at, 7);
    points.fill(bucketed(every(1_000, 0, 60_000), 0, 60_000, 1_000), 0, 60_000, 60);
    expect(points.lastAt).toBe(62_000);
    expect(points.length).toBe(62);
  });

  test("spikes inside a bucket survive in the band", () => {
    const points = new Points();
    points.fill(
      bucketed(
        [
          [0, 1],
          [100, 99],
          [200, 1],
        ],
        0,
        1_000,
        1_000,
      ),
      0,
      1_000,
      1,
    );
    expect(points.columns(0, 1_000, Infinity).max).toEqual([99]);
    expect(points.summary(0, 1_000, Infinity)).toMatchObject({ min: 1, max: 99 });
  });

  test("trimming keeps the point before the left edge", () => {
    const points = new Points();
    for (const [at, value] of every(100, 0, 100_000)) points.append(at, value);
    points.trim(90_000);
    expect(points.length).toBe(101);
    expect(points.columns(90_000, 100_000, Infinity).t[0]).toBe(89_900);
  });
});

describe("counters", () => {
  const steady = every(1_000, 0, 120_000, (at) => at / 10);
  test("are drawn by what the hub says of them", () => {
    const points = new Points("rate");
    const answer = bucketed(steady, 0, 120_000, 2_000);
    points.fill({ ...answer, rate: answer.t.map((_, i) => (i === 7 ? null : 100)) }, 0, 120_000, 60);
    expect(points.summary(0, 120_000, Infinity)).toMatchObject({ min: 100, max: 100, points: 59 });
  });
  test("live readings go on with the rate", () => {
    const points = new Points("rate");
    expect(points.append(1_000, 500)).toBe(false);
    expect(points.append(3_000, 700)).toBe(true);
    expect(points.summary(0, 5_000, Infinity).last).toBe(100);
  });
  test("a restart of the device is no fall", () => {
    const points = new Points("rate");
    for (const [at, value] of [
      [1_000, 900],
      [2_000, 1_000],
      [3_000, 5],
      [4_000, 105],
      [5_000, 205],
      [6_000, 305],
    ] as const)
      points.append(at, value);
    expect(points.summary(0, 7_000, Infinity)).toMatchObject({ min: 100, max: 100, points: 2 });
  });
  test("a slip is no restart", () => {
    const points = new Points("rate");
    for (const [at, value] of [
      [1_000, 900],
      [2_000, 1_000],
      [3_000, 0],
      [4_000, 1_200],
      [5_000, 1_299.9],
      [6_000, 1_299.8],
    ] as const)
      points.append(at, value);
    const { min, max } = points.summary(0, 7_000, Infinity);
    expect(min).toBe(0);
    expect(max).toBeCloseTo(100, 6);
  });
  test("a refill does not take the rate of a rate", () => {
    const points = new Points("rate");
    for (const [at, value] of every(1_000, 118_000, 125_000, (at) => at / 10)) points.append(at, value);
    const answer = bucketed(steady, 0, 120_000, 1_000);
    points.fill({ ...answer, rate: answer.t.map(() => 100) }, 0, 120_000, 120);
    expect(points.append(125_000, 12_500)).toBe(true);
    expect(points.summary(0, 130_000, Infinity)).toMatchObject({ min: 100, max: 100, last: 100 });
  });
});

describe("buckets", () => {
  test("a window that slides asks for the same buckets", () => {
    const asked = buckets(1_000_123, 1_300_123, 800);
    expect(asked).toEqual({ from: 1_000_000, to: 1_300_500, points: 601 });
    expect(buckets(1_000_323, 1_300_323, 800)).toEqual(asked);
  });
  test("never more than asked for by more than the two cut edges, at every width", () => {
    for (let width = 50; width < 1e12; width *= 1.7)
      expect(buckets(12_345, 12_345 + width, 500).points).toBeLessThanOrEqual(502);
  });
  test("a window of less than a bucket is one bucket", () => {
    expect(buckets(10, 10, 100).points).toBe(1);
  });
});

describe("what is said and drawn", () => {
  test("the average weighs buckets by their readings", () => {
    const points = new Points();
    points.fill(
      bucketed(
        [
          [0, 0],
          [1, 0],
          [2, 0],
          [1_000, 8],
        ],
        0,
        2_000,
        1_000,
      ),
      0,
      2_000,
      2,
    );
    expect(points.summary(0, 2_000, Infinity).avg).toBe(2);
  });
  test("a rising line is called rising", () => {
    const points = new Points();
    for (const [at, value] of every(1_000, 0, 30_000)) points.append(at, value);
    expect(points.summary(0, 30_000, Infinity).trend).toBe("rising");
  });
  test("a threshold far away does not flatten the data", () => {
    const [low, high] = valueRange(20, 22, [1_000]);
    expect(high - low).toBeLessThan(4);
    expect(valueRange(20, 22, [24])[1]).toBeGreaterThan(24);
  });
  test("noise of a large value is not a mountain, and zero and a whole are walls", () => {
    const [low, high] = valueRange(70_000_000_000, 70_000_000_100, []);
    expect(high - low).toBeGreaterThan(30_000_000);
    expect(valueRange(0, 0, [])[0]).toBe(0);
  });
  test("a share of a whole is drawn from nothing to all, and further only where it is", () => {
    expect([shareRange(44.5, 46), shareRange(null, null), shareRange(-3, 130)]).toEqual([
      [0, 100],
      [0, 100],
      [-3, 130],
    ]);
  });
  test("a redraw that changes no pixel is not made", () => {
    expect(redrawPeriod(300_000, 800)).toBe(375);
    expect(redrawPeriod(3_600_000, 800)).toBe(4_500);
    expect(redrawPeriod(10_000, 800)).toBe(250);
  });
});

test("empty buckets that are left out leave the others as wide as they are", () => {
  const points = new Points();
  const column = [1, 2, 3];
  const answer = {
    device: "d",
    sensor: "t",
    unit: "",
    t: [0, 4_000, 8_000],
    count: [2, 2, 2],
    min: column,
    max: column,
    avg: column,
    first: [],
    last: [],
  };
  points.fill(answer, 0, 10_000, 10, 1_000);
  expect(points.columns(0, 10_000, 500).gaps).toEqual([
    [1_000, 4_000],
    [5_000, 8_000],
  ]);
});

test("a value is stale when nothing comes, whatever the clock of its device says", () => {
  const stale = (clock_offset_ms: number | null, at: number) =>
    isStale({ clock_offset_ms, interval_ms: 1_000 }, at, null, 1_000_000);
  expect(stale(null, 999_000)).toBe(false);
  expect(stale(null, 990_000)).toBe(true);
  expect(stale(-360_000, 639_000)).toBe(false);
  expect(stale(-360_000, 630_000)).toBe(true);
  expect(stale(240_000, 1_230_000)).toBe(true);
});
