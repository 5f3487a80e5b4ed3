// What the page costs over the wire, beside its own files: the list of 302 devices, and the first chart of one of them;
// and with its files the door, where nobody is signed in yet.
// The fleet is no newborn one: what is on the screen has measured for ten minutes.
//
// Counted are the answers as they travel, compressed, with their heads,
// and what the live connection brings from the opening of the page until three seconds after the first row or chart is
// there: its messages as text, before they are compressed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AGENT_BIN, eventually, stage } from "./stage.mjs";

const FLEET = 301;
/** So many of them have measured for ten minutes, by HTTP; their names put them on the screen. */
const AGED = 40;
const AGED_MS = 600_000;
const AGED_EVERY_MS = 3_000;
/** Seconds of the past that the charted device brings, one reading a second. */
const PAST = 300;
const SENSORS = 24;
/** What all of it may cost, and what it cannot cost less than: with less something was not counted. */
const LIST = { least: 15_000, most: 35_000 };
/** To order them by a value, that value of each has to be known. */
const SORTED = { least: 25_000, most: 40_000 };
const CHART = { least: 12_000, most: 40_000 };
/** The door is its files, and the question whether a first password is to be set. */
const DOOR = { least: 20_000, most: 36_000 };
/** How long it is counted on after the first row or chart. */
const FIRST_MS = 3_000;

let s;
before(async () => {
  s = await stage({ flags: ["--join", "open"] });
  const now = Date.now();
  await s.push(
    Array.from({ length: PAST }, (_, i) => {
      const at = now - (PAST - i) * 1_000;
      const readings = Array.from({ length: SENSORS }, (_, n) => ({
        sensor: `temperature.${n}`,
        unit: "Cel",
        at,
        value: Math.round(200 + 10 * Math.sin(i / 9 + n) + 3 * Math.sin(i * 12.9898 + n * 78.233)) / 10,
      }));
      return { device: "box", readings };
    }),
  );
  const sensors = [
    ["temperature", "Cel"],
    ["humidity", "%"],
    ["pressure", "hPa"],
    ["battery", "%"],
  ];
  const rounds = AGED_MS / AGED_EVERY_MS;
  for (let device = 0; device < AGED; device++) {
    const name = `aged-${String(device).padStart(2, "0")}`;
    await s.push(
      Array.from({ length: rounds }, (_, i) => ({
        device: name,
        readings: sensors.map(([sensor, unit], n) => ({
          sensor,
          unit,
          at: now - (rounds - i) * AGED_EVERY_MS,
          value: Math.round(200 + 10 * Math.sin(i / 9 + n + device) + 3 * Math.sin(i * 12.9898 + device * 78.233)) / 10,
        })),
      })),
    );
  }
  s.start(AGENT_BIN, [
    "simulate",
    "--hub",
    `127.0.0.1:${s.udp}`,
    "--devices",
    String(FLEET - AGED),
    "--history",
    "15m",
    "--sensors",
    "4",
    "--interval",
    "1s",
    "--duration",
    "10m",
    "--seed",
    "7",
  ]);
  await eventually("the fleet is there", async () => {
    const { items } = (await s.call("GET", "/devices?limit=1000")).body;
    return items.filter((one) => one.status === "online").length >= FLEET;
  });
});
after(() => s?.end());

/** Opens an address in a browser that has seen nothing, and counts. */
async function opened(path, ready, storageState) {
  const context = await s.browser.newContext({
    viewport: { width: 1440, height: 900 },
    storageState: storageState ?? (await s.context.storageState()),
  });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  const requests = new Map();
  const cost = { data: 0, live: 0, messages: 0, files: 0, parts: [] };
  cdp.on("Network.requestWillBeSent", ({ requestId, request }) => requests.set(requestId, new URL(request.url)));
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const url = requests.get(requestId);
    const kind = url?.pathname.startsWith("/api/") ? "data" : "files";
    cost[kind] += encodedDataLength;
    cost.parts.push(`${encodedDataLength} ${url?.pathname}`);
  });
  cdp.on("Network.webSocketFrameReceived", ({ response }) => {
    cost.live += Buffer.byteLength(response.payloadData);
    cost.messages++;
    cost.parts.push(`${response.payloadData.length} live ${response.payloadData.slice(0, 40)}`);
  });
  await page.goto(`${s.base}${path}`);
  await ready(page);
  await page.waitForTimeout(FIRST_MS);
  const counted = { ...cost, parts: [...cost.parts] };
  await context.close();
  return counted;
}

function within(what, { data, live, messages, files, parts }, { least, most }) {
  const all = data + live;
  console.log(`${what}: ${all} bytes (answers ${data}, live ${live}; the page's own files ${files})`);
  if (process.env.VERBOSE) console.log(parts.join("\n"));
  assert.ok(all <= most, `${what} costs ${all} bytes, more than ${most}:\n${parts.join("\n")}`);
  assert.ok(
    data >= least && messages > 0 && files > 0,
    `${what} costs ${all} bytes in ${messages} live messages: not all of it was counted\n${parts.join("\n")}`,
  );
}

test("the list of 302 devices", { timeout: 120_000 }, async () => {
  within("the list", await opened("/", (page) => page.locator(".device").first().waitFor()), LIST);
});

test("the list by a value", { timeout: 120_000 }, async () => {
  const ready = (page) => page.locator(".device").first().waitFor();
  within("the list by a value", await opened("/?sort=-temperature", ready), SORTED);
  within("the list by what is unlike the others", await opened("/?sort=odd", ready), SORTED);
});

test("the first chart of a device with two dozen sensors", { timeout: 120_000 }, async () => {
  const { items } = (await s.call("GET", "/devices?q=box")).body;
  const { id } = items.find((one) => one.name === "box");
  within("the first chart", await opened(`/d/${id}`, (page) => page.locator(".u-over").first().waitFor()), CHART);
});

test("the door", { timeout: 120_000 }, async () => {
  const nobody = { cookies: [], origins: [] };
  const { data, files, parts } = await opened("/", (page) => page.getByLabel("Password").waitFor(), nobody);
  console.log(`the door: ${data + files} bytes`);
  assert.ok(data + files >= DOOR.least, `the door costs ${data + files} bytes: not all of it was counted`);
  assert.ok(data + files <= DOOR.most, `the door costs ${data + files} bytes:\n${parts.join("\n")}`);
});
