// The odd one of three hundred, by hands: sorted, filtered, grouped, and by what sets it apart.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { stage } from "./stage.mjs";

const FLEET = 300;
const ODD = "sensor-207";

let s;
before(async () => {
  s = await stage();
  await s.push(
    Array.from({ length: FLEET }, (_, i) => {
      const name = `sensor-${String(i).padStart(3, "0")}`;
      const readings = [
        ["temperature", name === ODD ? 12.5 : 21 + Math.sin(i) * 1.5, "Cel"],
        ["humidity", 45 + Math.cos(i) * 2, "%"],
      ];
      return { device: name, readings: readings.map(([sensor, value, unit]) => ({ sensor, value, unit })) };
    }),
  );
  const { body: all } = await s.call("GET", "/devices?limit=1000");
  for (const { id, name } of all.items) {
    if (/[05]$/.test(name))
      await s.call("PATCH", `/devices/${id}`, { labels: { site: name.endsWith("0") ? "north" : "south" } });
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
  await s.page
    .locator(".device")
    .first()
    .getByText(/^Temperature 12\.5.°C, others about 2[01]/)
    .waitFor();
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
  for (const written of ["temperature < 15", "temperature <15 °C", "temperature<= 12.5", "temperature = 12.5"]) {
    await s.page.locator("#search").fill("");
    await s.page.waitForFunction(() => document.querySelectorAll(".device a.name").length > 1);
    await s.page.locator("#search").fill(written);
    await s.page.waitForFunction(() => document.querySelectorAll(".device a.name").length === 1);
    await first(ODD);
  }
  await s.page.locator("#search").fill("temperature < 15 site = south");
  await s.page.getByText("No device matches").waitFor();
});

test("what a filter cannot mean is said at its field, with how to write it", { timeout: 120_000 }, async () => {
  const search = s.page.locator("#search");
  const said = (text) => s.page.locator("#search-problem").getByText(text).waitFor();
  await s.page.goto(`${s.base}/`);
  await search.fill("temperature<15 V");
  await said("Temperature is measured in °C, not in V. Write for example temperature<");
  await search.fill("pressure>1000");
  await said("No device has a sensor or label called “pressure”. There are humidity, temperature.");
  await search.fill("humidity<dry");
  await said("“dry” is not a number. Write for example humidity<15.5.");
  await search.fill("temperature<3C");
  await s.page.getByText(/No device matches\. Temperature is between 12\.5.°C and 22\.5.°C\./).waitFor();
  assert.equal(await s.page.locator("#search-problem").count(), 0);
});

test("a favourite stands first, also tomorrow", { timeout: 120_000 }, async () => {
  await s.page.goto(`${s.base}/?q=sensor-150`);
  await s.page.getByRole("link", { name: "sensor-150", exact: true }).click();
  await s.page.getByRole("button", { name: "Favourite" }).click();
  await s.page.goto(`${s.base}/?sort=-name`);
  await first("sensor-150");
  await s.page.locator(".device").first().locator("a.favourite").waitFor();
});

test("a rule has its unit in the list, and its form shows the last day", { timeout: 120_000 }, async () => {
  const rule = {
    name: "Cold room",
    device: "*",
    sensor: "temperature",
    labels: {},
    condition: { type: "threshold", op: "<", value: 13 },
    for: "0s",
    severity: "info",
    webhooks: [],
    enabled: true,
  };
  assert.equal((await s.call("POST", "/rules", rule)).status, 201);
  await s.page.goto(`${s.base}/a`);
  await s.page.getByText(/Temperature of any device < 13.°C/).waitFor();
  await s.page.getByRole("link", { name: "New rule" }).click();
  await s.page.getByLabel("Sensor").fill("temperature");
  await s.page.getByText("Once the fields above are complete, this shows what").waitFor();
  await s.page.getByLabel("Direction").selectOption("below");
  await s.page.getByLabel("Limit").fill("15");
  await s.page.getByLabel("For at least").fill("0s");
  await s.page.locator("[data-chart=rule] canvas").waitFor();
  await s.page.getByRole("figure").getByText(`${ODD} Temperature`).waitFor();
  // A contradiction is told at its field without being asked, and is gone when it is mended.
  const problem = s.page.getByRole("alert").filter({ hasText: "must be at or above the limit" });
  await s.page.getByLabel("Resolves at").fill("10");
  await problem.waitFor();
  await s.page.getByLabel("Resolves at").fill("16");
  await problem.waitFor({ state: "detached" });
  await s.page.locator("[data-chart=rule] canvas").waitFor();
});

test("several devices in one chart, and the chart as a picture", { timeout: 120_000 }, async () => {
  const { body: all } = await s.call("GET", "/devices?limit=1000");
  const odd = all.items.find(({ name }) => name === ODD);
  await s.page.goto(`${s.base}/d/${odd.id}?m=temperature`);
  await s.page.locator("summary", { hasText: "Compare" }).click();
  await s.page.getByLabel("Find a device").fill("sensor-11");
  for (const other of ["sensor-110", "sensor-111"]) await s.page.getByLabel(other, { exact: true }).check();
  await s.page.locator("summary", { hasText: "Compared with 2" }).waitFor();
  await s.page.keyboard.press("Escape");
  for (const name of [ODD, "sensor-110", "sensor-111"]) await s.page.locator(".legend").getByText(name).waitFor();
  const saved = s.page.waitForEvent("download");
  await s.page.getByRole("button", { name: "PNG" }).click();
  const picture = await readFile(await (await saved).path());
  assert.deepEqual([...picture.subarray(1, 4)], [...Buffer.from("PNG")]);
  assert.ok(picture.readUInt32BE(16) > 800 && picture.readUInt32BE(20) > 400, "wide and high enough for a chart");
  // The address is the comparison.
  await s.page.reload();
  await s.page.locator(".legend").getByText("sensor-111").waitFor();
});

test("a label leads to those that share it, and groups them", { timeout: 120_000 }, async () => {
  await s.page.goto(`${s.base}/`);
  await s.page.locator(".device").first().getByRole("link", { name: "site=north" }).click();
  assert.equal(new URL(s.page.url()).searchParams.get("q"), "site=north");
  await s.page.getByText("30 devices").waitFor();
  await s.page.goto(`${s.base}/`);
  await s.page.getByLabel("Group by").selectOption("site");
  await s.page
    .locator(".group-head")
    .first()
    .filter({ hasText: "site=north" })
    .filter({ hasText: "30 devices" })
    .waitFor();
});

test("in a mixed fleet a value stands below its own sensor's name or not at all", { timeout: 120_000 }, async () => {
  const { page } = s;
  const tanks = Array.from({ length: 40 }, (_, i) => ({
    device: `tank-${i}`,
    readings: [{ sensor: "level", unit: "m", value: 2 + i / 100 }],
  }));
  await s.push([...tanks, { device: "lone", readings: [{ sensor: "wind", unit: "m/s", value: 3.5 }] }]);
  for (const [width, shown] of [
    [1440, 3],
    [1024, 3],
    [390, 1],
  ]) {
    await page.setViewportSize({ width, height: 900 });
    for (const [device, sensor, value] of [
      ["tank-7", "Level", "2.07"],
      ["sensor-000", "Temperature", "21"],
    ]) {
      await page.goto(`${s.base}/?q=${device}`);
      await page.getByText("1 device", { exact: true }).waitFor();
      await page.goto(`${s.base}/`);
      await page.locator("#search").fill("");
      await page.locator("#search").fill(device.slice(0, 5));
      const row = page.locator(".device").filter({ has: page.getByRole("link", { name: device, exact: true }) });
      const cell = row.locator(".value.column").filter({ hasText: value });
      await cell.waitFor();
      assert.match(await cell.textContent(), new RegExp(sensor));
      if (shown < 2) continue;
      // By where it stands on the screen, not by its place in the page.
      const [left, head] = [
        await cell.boundingBox(),
        await page.getByRole("button", { name: `Sort by ${sensor}` }).boundingBox(),
      ];
      assert.ok(Math.abs(left.x - head.x) < 4, `${device} shows its ${sensor} at ${left.x}, its head is at ${head.x}`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${s.base}/`);
  const lone = page.locator(".device").filter({ has: page.getByRole("link", { name: "lone", exact: true }) });
  await lone.getByText("wind 3.5").waitFor();
  assert.equal(await lone.locator(".value").count(), 0);
  // The columns are those of the whole fleet, wherever one is in it.
  const heads = () => page.locator(".list-head .values button").allTextContents();
  const atTop = await heads();
  assert.ok(
    atTop.some((head) => head.includes("Level")),
    `no tank is in sight yet: ${atTop}`,
  );
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  const last = page.locator(".device").filter({ has: page.getByRole("link", { name: "tank-39", exact: true }) });
  await last.locator(".value.column").filter({ hasText: "2.39" }).waitFor();
  assert.deepEqual(await heads(), atTop);
});

test("air pressure shows the digits that move, and on a phone the head of its chart is whole", {
  timeout: 120_000,
}, async () => {
  const { page } = s;
  const now = Date.now();
  const readings = Array.from({ length: 60 }, (_, i) => ({
    sensor: "pressure",
    unit: "hPa",
    at: now - (60 - i) * 1_000,
    value: 1013.25 + 0.15 * Math.sin(i / 9),
  }));
  await s.push([{ device: "barometer", readings }]);
  const { items } = (await s.call("GET", "/devices?q=barometer")).body;
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${s.base}/d/${items[0].id}?from=now-5m&to=now`);
  await page.locator(".chart-head").getByText(/^max/).waitFor();
  assert.match(await page.locator(".readout").innerText(), /^min\s+1013\.10\s+mean\s+1013\.\d\d\s+max\s+1013\.40$/);
  const cut = await page
    .locator(".chart-head, .chart-head h2, .chart-head .readout")
    .evaluateAll((all) =>
      all
        .filter((one) => one.scrollWidth > one.clientWidth)
        .map((one) => `${one.className || one.tagName}: ${one.textContent}`),
    );
  assert.deepEqual(cut, []);
  await page.setViewportSize({ width: 1440, height: 900 });
});
