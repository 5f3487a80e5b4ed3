// The odd one of three hundred, by hands: sorted, filtered, grouped, and by what sets it apart.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { stage } from "./stage.mjs";

const FLEET = 300;
const ODD = "sensor-207";

let s;
before(async () => {
  s = await stage();
  const { body } = await s.call("POST", "/tokens", { name: "fleet", scope: "write", expires: "1h" });
  const lines = Array.from({ length: FLEET }, (_, i) => {
    const name = `sensor-${String(i).padStart(3, "0")}`;
    const readings = [["temperature", name === ODD ? 12.5 : 21 + Math.sin(i) * 1.5, "Cel"], ["humidity", 45 + Math.cos(i) * 2, "%"]];
    return JSON.stringify({ device: name, readings: readings.map(([sensor, value, unit]) => ({ sensor, value, unit })) });
  });
  const pushed = await fetch(`${s.base}/api/v1/readings`, { method: "POST", headers: { authorization: `Bearer ${body.token}`, "content-type": "application/x-ndjson" }, body: lines.join("\n") });
  assert.ok(pushed.ok, await pushed.text());
  const { body: all } = await s.call("GET", "/devices?limit=1000");
  for (const { id, name } of all.items) {
    if (/[05]$/.test(name)) await s.call("PATCH", `/devices/${id}`, { labels: { site: name.endsWith("0") ? "north" : "south" } });
  }
  await s.page.goto(s.base);
  await names().first().waitFor();
});
after(() => s?.end());

const names = () => s.page.locator(".device a.name");
const first = (name) => s.page.locator(".device").first().filter({ hasText: name }).waitFor();

test("one choice shows what is unlike the others, and says why", { timeout: 120_000 }, async () => {
  await s.page.getByLabel("Sort by", { exact: true }).selectOption("Unlike the others first");
  await first(ODD);
  await s.page.locator(".device").first().getByText(/^Temperature 12\.5.°C, others about 2[01]/).waitFor();
});

test("by the head of a column, either way, and the address says so", { timeout: 120_000 }, async () => {
  await s.page.getByRole("button", { name: "Sort by Temperature" }).click();
  await s.page.getByRole("button", { name: "Sort by Temperature, now descending" }).click();
  await first(ODD);
  assert.equal(new URL(s.page.url()).searchParams.get("sort"), "temperature");
  await s.page.reload();
  await first(ODD);
});

test("by a limit in the search line, and with a label", { timeout: 120_000 }, async () => {
  await s.page.goto(`${s.base}/`);
  await s.page.locator("#search").fill("temperature<15");
  await first(ODD);
  await s.page.waitForFunction(() => document.querySelectorAll(".device a.name").length === 1);
  await s.page.locator("#search").fill("temperature<15 site=south");
  await s.page.getByText("No device matches").waitFor();
});

test("a label leads to those that share it, and groups them", { timeout: 120_000 }, async () => {
  await s.page.goto(`${s.base}/`);
  await s.page.locator(".device").first().getByRole("link", { name: "site=north" }).click();
  assert.equal(new URL(s.page.url()).searchParams.get("q"), "site=north");
  await s.page.getByText("30 devices").waitFor();
  await s.page.goto(`${s.base}/`);
  await s.page.getByLabel("Group by").selectOption("site");
  await s.page.locator(".group-head").first().filter({ hasText: "site=north" }).filter({ hasText: "30 devices" }).waitFor();
});
