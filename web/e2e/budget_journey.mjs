// What the page costs over the wire, beside its own files: the list of 302 devices, and the first chart of one of them.
//
// Sizes as they travel: answers as the browser asks for them compressed, and what the live connection brings in the first seconds.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AGENT_BIN, eventually, stage } from "./stage.mjs";

const FLEET = 301;
/** Seconds of the past that the charted device brings, one reading a second. */
const PAST = 300;
const SENSORS = 24;
const LIST_LIMIT = 40_000;
const CHART_LIMIT = 60_000;
/** How long the live connection counts. */
const FIRST_MS = 3_000;

let s;
before(async () => {
  s = await stage({ flags: ["--join", "open"] });
  const { body } = await s.call("POST", "/tokens", { name: "past", scope: "write", expires: "1h" });
  const now = Date.now();
  const past = Array.from({ length: PAST }, (_, i) => {
    const at = now - (PAST - i) * 1_000;
    const readings = Array.from({ length: SENSORS }, (_, n) => ({ sensor: `temperature.${n}`, unit: "Cel", at, value: Math.round(200 + 10 * Math.sin(i / 9 + n) + 3 * Math.sin(i * 12.9898 + n * 78.233)) / 10 }));
    return JSON.stringify({ device: "box", readings });
  });
  const pushed = await fetch(`${s.base}/api/v1/readings`, { method: "POST", headers: { authorization: `Bearer ${body.token}`, "content-type": "application/x-ndjson" }, body: past.join("\n") });
  assert.ok(pushed.ok, await pushed.text());
  s.start(AGENT_BIN, ["simulate", "--hub", `127.0.0.1:${s.udp}`, "--devices", String(FLEET), "--sensors", "4", "--interval", "1s", "--duration", "10m", "--seed", "7"]);
  await eventually("the fleet is there", async () => {
    const { items } = (await s.call("GET", "/devices?limit=1000")).body;
    return items.filter((one) => one.status === "online").length >= FLEET;
  });
});
after(() => s?.end());

/** Opens an address in a browser that has seen nothing, and counts. */
async function opened(path, ready) {
  const context = await s.browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: await s.context.storageState() });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  const requests = new Map();
  const cost = { data: 0, live: 0, files: 0, parts: [] };
  cdp.on("Network.requestWillBeSent", ({ requestId, request }) => requests.set(requestId, new URL(request.url)));
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const url = requests.get(requestId);
    const kind = url?.pathname.startsWith("/api/") ? "data" : "files";
    cost[kind] += encodedDataLength;
    if (kind === "data") cost.parts.push(`${encodedDataLength} ${url.pathname}`);
  });
  cdp.on("Network.webSocketFrameReceived", ({ response }) => {
    cost.live += response.payloadData.length;
    cost.parts.push(`${response.payloadData.length} live ${response.payloadData.slice(0, 40)}`);
  });
  await page.goto(`${s.base}${path}`);
  await ready(page);
  await page.waitForTimeout(FIRST_MS);
  const counted = { ...cost, parts: [...cost.parts] };
  await context.close();
  return counted;
}

function within(what, { data, live, files, parts }, limit) {
  const all = data + live;
  console.log(`${what}: ${all} bytes (answers ${data}, live ${live}; the page's own files ${files})`);
  if (process.env.VERBOSE) console.log(parts.join("\n"));
  assert.ok(all <= limit, `${what} costs ${all} bytes, more than ${limit}:\n${parts.join("\n")}`);
}

test("the list of 302 devices", { timeout: 120_000 }, async () => {
  within("the list", await opened("/", (page) => page.locator(".device").first().waitFor()), LIST_LIMIT);
});

test("the first chart of a device with two dozen sensors", { timeout: 120_000 }, async () => {
  const { items } = (await s.call("GET", "/devices?q=box")).body;
  const { id } = items.find((one) => one.name === "box");
  within("the first chart", await opened(`/d/${id}`, (page) => page.locator(".u-over").first().waitFor()), CHART_LIMIT);
});
