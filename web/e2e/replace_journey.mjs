// Hardware that broke and was replaced: name, readings and rules go on,
// also after the hub restarted and the old one came back.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, stage, stop } from "./stage.mjs";

let s, old, second, third;
before(async () => {
  s = await stage();
});
after(() => s?.end());

const device = async (name) => (await s.call("GET", `/devices?q=${name}`)).body.items.find((one) => one.name === name);

/** Hardware that says who it is in every reading of a sensor of its own: nothing else proves which one measured. */
async function hardware(name, number, ...more) {
  const config = join(s.dir, `${name}.toml`);
  await writeFile(config, `[[exec]]\nname = "hardware"\ncommand = ["echo", "${number}"]\ninterval = "200ms"\n`);
  return s.agent(name, "--config", config, ...more);
}

/** Which hardware measured what is stored of a device from a moment on, each once. */
async function measuredBy(name, from = Date.now() - 3_600_000) {
  const { status, body } = await s.call(
    "GET",
    `/readings?device=${name}&sensor=hardware&from=${from}&to=now&limit=1000`,
  );
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.next, null, "more readings than one answer holds: some would not be looked at");
  return [...new Set(body.items.map(([, value]) => value))];
}

/** Until readings of this hardware, taken after `from`, are there; none of another is among them. */
async function goesOn(name, number, from) {
  await eventually(`readings of hardware ${number}`, async () => (await measuredBy(name, from)).length > 0);
  assert.deepEqual(await measuredBy(name, from), [number]);
}

/** Packets that the hub did not take, for this reason. */
async function dropped(reason) {
  const text = await (await s.page.request.get(`${s.base}/metrics`)).text();
  return Number(new RegExp(`^hub_udp_dropped_total\\{reason="${reason}"\\} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

async function adopt(name) {
  const card = s.page.getByRole("article").filter({ hasText: name });
  await card.getByRole("button", { name: `Adopt ${name}` }).click();
  await eventually(`${name} online`, async () => (await device(name)).status === "online");
  // The first device opens by itself.
  await s.page.goto(s.base);
  await s.page.locator(".device").filter({ hasText: name }).filter({ hasText: "online" }).waitFor();
}

test("a device that waits takes the place of one that broke", { timeout: 180_000 }, async () => {
  const { page } = s;
  old = await hardware("boiler", 1);
  await adopt("boiler");
  await goesOn("boiler", 1);
  const was = await device("boiler");
  second = await hardware("spare", 2);
  await page.getByRole("article").filter({ hasText: "spare" }).waitFor();
  await page.getByRole("link", { name: "boiler" }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Broken? Replace it with").selectOption({ label: "spare (asks to join)" });
  const shown = page.getByRole("form", { name: "Edit device" }).getByRole("list", { name: "Six words" });
  const { words } = await device("spare");
  assert.equal(words.length, 6);
  assert.deepEqual(await shown.getByRole("listitem").allTextContents(), words, "nobody trusts hardware unseen");
  await page.getByText("Turn the old hardware off first").waitFor();
  const replace = async () => {
    await page.getByRole("button", { name: "Replace boiler", exact: true }).click();
    await page.getByRole("button", { name: "Really replace boiler" }).click();
  };
  await replace();
  await page.getByText("the old hardware of boiler is still on").waitFor();
  assert.deepEqual((await device("boiler")).words, was.words);
  await stop(old);
  await page.locator("h1 ~ .status").filter({ hasText: "offline" }).waitFor();
  const before = Date.now();
  await replace();
  await page.getByText("boiler continues on the new hardware.").waitFor();
  await page.locator("h1 ~ .status").filter({ hasText: "online" }).waitFor();
  const is = await device("boiler");
  assert.equal(is.id, was.id, "links to the device go on");
  assert.notDeepEqual(is.words, was.words);
  await goesOn("boiler", 2, before);
  assert.deepEqual(await measuredBy("boiler"), [1, 2], "what the old hardware measured stays");
  assert.equal((await s.call("GET", `/devices/${is.id}/swaps`)).body.items.length, 1);
});

test("the swap is marked on its charts", async () => {
  const { page } = s;
  const drawn = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const { fillText } = CanvasRenderingContext2D.prototype;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
          if (text === "hardware replaced") resolve(true);
          return fillText.call(this, text, ...place);
        };
        setTimeout(() => resolve(false), 10_000);
      }),
  );
  assert.ok(drawn, "no mark");
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/replaced.png` });
});

test("it stays so when the hub restarts and the old hardware comes back with a token", {
  timeout: 180_000,
}, async () => {
  await s.stopHub();
  const at = Date.now();
  await s.startHub();
  await s.page.goto(s.base);
  await s.page.locator(".device").filter({ hasText: "boiler" }).filter({ hasText: "online" }).waitFor();
  await goesOn("boiler", 2, at);
  const { words } = await device("boiler");
  const { body } = await s.call("POST", "/join-tokens", { uses: 5, expires: "1h" });
  const since = Date.now();
  old = await hardware("boiler", 1, "--join-token", body.token);
  // Long enough for the old one to be heard, were it listened to.
  await eventually("the hub refuses the old hardware", async () => (await dropped("replaced")) > 0);
  await goesOn("boiler", 2, since);
  assert.deepEqual((await device("boiler")).words, words);
  await stop(old);
});

test("hardware that was adopted already takes over too, and leaves what it measured", {
  timeout: 180_000,
}, async () => {
  third = await hardware("third", 3);
  await adopt("third");
  await goesOn("third", 3);
  await stop(second);
  const [boiler, by] = [await device("boiler"), (await device("third")).id];
  await eventually("the second hardware gone", async () => (await device("boiler")).status === "offline");
  const { status, body } = await s.call("POST", `/devices/${boiler.id}/replace`, { by });
  second = await hardware("spare", 2);
  assert.equal(status, 200, JSON.stringify(body));
  const [left] = (await s.call("GET", "/devices?q=before")).body.items;
  assert.equal(left.name, "third before it replaced boiler");
  assert.deepEqual(left.words, []);
  assert.deepEqual(await measuredBy(left.id), [3], "it keeps what it measured by itself");
  const at = Date.now();
  await goesOn("boiler", 3, at);
});

test("the hardware it had before is put back", { timeout: 180_000 }, async () => {
  const { page } = s;
  const { words } = await device("boiler");
  await stop(third);
  await page.getByRole("link", { name: "boiler", exact: true }).first().click();
  await page.locator("h1 ~ .status").filter({ hasText: "offline" }).waitFor();
  await page.getByRole("button", { name: "Edit" }).click();
  const choice = page.getByLabel("Broken? Replace it with");
  await choice.locator("option", { hasText: "the hardware it had before" }).waitFor({ state: "attached" });
  await choice.selectOption({ index: 1 });
  await page.getByRole("button", { name: "Replace boiler", exact: true }).click();
  await page.getByRole("button", { name: "Really replace boiler" }).click();
  await page.getByText("boiler continues on the new hardware.").waitFor();
  await page.locator("h1 ~ .status").filter({ hasText: "online" }).waitFor();
  assert.notDeepEqual((await device("boiler")).words, words);
});

test("what makes no sense is refused by name", async () => {
  const boiler = await device("boiler");
  const [, present] = (await s.call("GET", `/devices/${boiler.id}/swaps`)).body.items;
  await s.call("POST", "/readings", { device: "pushed", readings: [{ sensor: "a", value: 1 }] });
  const { id: pushed } = await device("pushed");
  for (const [by, status] of [
    [present.was, 400],
    ["nonsense", 400],
    [pushed, 404],
  ]) {
    const answer = await s.call("POST", `/devices/${boiler.id}/replace`, { by });
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.equal(answer.body.field, "by");
  }
});
