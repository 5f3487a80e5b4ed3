import { expect, test } from "vitest";
import { commitSeconds, drops, parseMetrics } from "./metrics";

const TEXT = `# TYPE hub_commits_total counter
hub_commits_total 10
hub_commit_seconds_total 0.5
hub_ack_latency_seconds_bucket{le="0.001"} 2554
hub_udp_dropped_total{reason="repeat"} 18
hub_udp_dropped_total{reason="truncated"} 0
hub_udp_dropped_total{reason="brand_new"} 20
not a line`;

test("plain and labelled counters are read, the rest is left out", () => {
  const metrics = parseMetrics(TEXT);
  expect(metrics.get("hub_commits_total")).toBe(10);
  expect(metrics.get("hub_udp_dropped_total repeat")).toBe(18);
  expect([...metrics.keys()].some((name) => name.includes("bucket"))).toBe(false);
});

test("drops: the frequent ones first, none that did not happen, a new reason is told too", () => {
  expect(drops(parseMetrics(TEXT)).map(({ reason, count }) => [reason, count])).toEqual([
    ["brand new", 20],
    ["repeat", 18],
  ]);
});

test("a commit's mean is that of the commits between two looks", () => {
  const later = parseMetrics(TEXT.replace("total 10", "total 20").replace("0.5", "0.7"));
  expect(commitSeconds(parseMetrics(TEXT), later)).toBeCloseTo(0.02, 9);
  expect(commitSeconds(later, later)).toBeNull();
});
