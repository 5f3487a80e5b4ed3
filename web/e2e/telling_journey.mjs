// Who is told of what, by hands: a webhook that asks for a token, changed without being made again; one that reads its
// own form of a message, seen before it is sent; what waits is tried now; a rule that starts from a ready one and names
// the devices it would have fired on; a maintenance evening, planned in one form.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startReceiver } from "./receiver.mjs";
import { eventually, stage } from "./stage.mjs";

const TOKEN = "Bearer a token of the receiver";

let s, receiver, address;
/** What the newest message was, as far as it is looked at. */
const newest = () => {
  const { url, headers, body } = receiver.came.at(-1);
  const { text, topic, message } = body;
  const said = { url, authorization: headers.authorization, text };
  return topic === undefined ? said : { ...said, topic, message };
};
before(async () => {
  receiver = await startReceiver();
  address = receiver.address;
  s = await stage();
});
after(async () => {
  receiver?.end();
  await s?.end();
});

test("a receiver that asks for a token is told by a header, and the error says so at its field", {
  timeout: 120_000,
}, async () => {
  await s.page.goto(`${s.base}/w`);
  await s.page.getByRole("button", { name: "New webhook" }).click();
  const form = s.page.getByRole("form", { name: "New webhook" });
  await form.getByLabel("Name", { exact: true }).fill("pager");
  await form.getByLabel("Address").fill(`http://me:secret@${address}/one`);
  await form.getByRole("button", { name: "Create webhook" }).click();
  const problem = form.locator(".field").filter({ hasText: "Address" }).getByRole("alert");
  await problem.filter({ hasText: "put them into a header" }).waitFor();
  await form.getByLabel("Address").fill(`http://${address}/one`);
  await problem.waitFor({ state: "detached" });
  await form.getByRole("button", { name: "Add a header" }).click();
  await form.getByLabel("Name of header 1").fill("Authorization");
  await form.getByLabel("Value of header 1").fill(TOKEN);
  await form.getByRole("button", { name: "Create webhook" }).click();
  await s.page.getByRole("button", { name: "I have saved it" }).click();
  await s.page.getByRole("button", { name: "Send test to pager" }).click();
  await s.page.locator(".delivery").filter({ hasText: "delivered" }).waitFor();
  assert.deepEqual(newest(), {
    url: "/one",
    authorization: TOKEN,
    text: "A test from the telemetry hub: the webhook pager works.",
  });
});

test("an address says which receiver it is, its fields appear, and its very bytes are seen before anything is sent", {
  timeout: 120_000,
}, async () => {
  await s.page.getByRole("button", { name: "New webhook" }).click();
  const form = s.page.getByRole("form", { name: "New webhook" });
  const [where, kind] = [form.getByLabel("Address"), form.getByLabel("Sends to")];
  await form.getByLabel("Name", { exact: true }).fill("phone");
  await where.fill("https://api.telegram.org/bot1:sesame/sendMessage");
  await form.getByText("recognised from the address").waitFor();
  assert.equal(await kind.inputValue(), "telegram");
  await form.getByText("Preview what is sent").click();
  // Asked as it is, it would be refused: the preview says why.
  await form.locator(".preview").getByText("write the chat the bot writes to").waitFor();
  await form.getByLabel("Chat").fill("-1001");
  const preview = form.getByLabel("What is sent");
  await preview.filter({ hasText: /chat_id[\s\S]*-1001/ }).waitFor();
  const bytes = await preview.innerText();
  assert.match(bytes, /^POST https:\/\/api\.telegram\.org\/bot\(hidden\)\/sendPhoto\n/);
  assert.ok(!bytes.includes("sesame"), bytes);
  await form.getByLabel("Previewed event").selectOption("alert.resolved");
  await preview.filter({ hasText: "Resolved: Too warm on greenhouse" }).waitFor();
  // What was chosen by hand stays, and what an address looks like is proposed.
  await kind.selectOption("slack");
  await where.fill("https://ntfy.sh/my-topic");
  await form.getByText("This looks like an address of ntfy.").waitFor();
  await form.getByRole("button", { name: "Send as ntfy" }).click();
  assert.equal(await kind.inputValue(), "ntfy");
  await where.fill(`http://${address}/two/levels`);
  await form.getByRole("button", { name: "Create webhook" }).click();
  await form
    .locator(".field")
    .filter({ hasText: "Address" })
    .getByRole("alert")
    .filter({ hasText: "https://ntfy.sh/my-topic" })
    .waitFor();
  await where.fill(`http://${address}/alerts`);
  await form.getByLabel("Access token").fill("tk_sesame");
  await form.getByRole("button", { name: "Create webhook" }).click();
  await form.waitFor({ state: "detached" });
  await s.page.getByRole("button", { name: "Send test to phone" }).click();
  await eventually("it is told", async () => newest().topic === "alerts");
  assert.deepEqual([newest().url, newest().authorization], ["/", "Bearer tk_sesame"]);
  assert.match(newest().message, /the webhook phone works/);
  await s.page.getByRole("button", { name: "Edit phone" }).click();
  const edited = s.page.getByRole("form", { name: "Edit phone" });
  assert.equal(await edited.getByLabel("Access token").inputValue(), "");
  await edited.getByText("Preview what is sent").click();
  await edited.getByLabel("What is sent").filter({ hasText: "authorization: Bearer (hidden)" }).waitFor();
  await edited.getByRole("button", { name: "Cancel" }).click();
  await s.page.getByRole("button", { name: "Delete phone" }).click();
  await s.page.getByRole("button", { name: "Really delete phone" }).click();
  await s.page.getByRole("button", { name: "Edit phone" }).waitFor({ state: "detached" });
});

test("what waits for its next attempt is tried now", { timeout: 120_000 }, async () => {
  // By itself it would be tried again in an hour.
  receiver.answer = [503, { "retry-after": "3600" }];
  await s.page.getByRole("button", { name: "Send test to pager" }).click();
  const waiting = s.page.locator(".delivery").first();
  await waiting.getByText("answered 503").waitFor();
  receiver.answer = [200];
  await waiting.getByRole("button", { name: /^Try Test .* now$/ }).click();
  await waiting.filter({ hasText: "delivered" }).getByText("2 attempts").waitFor();
});

test("it is changed, not made again: the token stays and is shown nowhere", { timeout: 120_000 }, async () => {
  await s.page.getByRole("button", { name: "Edit pager" }).click();
  const form = s.page.getByRole("form", { name: "Edit pager" });
  assert.equal(await form.getByLabel("Value of header 1").inputValue(), "");
  await form.getByLabel("Address").fill(`http://${address}/two`);
  await form.getByLabel("New rules notify it").check();
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await s.page.getByRole("button", { name: "Send test to pager" }).click();
  await eventually("it is told there", async () => newest().url === "/two");
  assert.equal(newest().authorization, TOKEN);
  const { body } = await s.call("GET", "/webhooks");
  assert.deepEqual(body.items[0].headers, { Authorization: "(hidden)" });
});

test("by which rules it is used is said, and one press adds it to the others", { timeout: 120_000 }, async () => {
  const condition = { type: "silence", after: "5m" };
  await s.call("POST", "/rules", { name: "with", condition });
  await s.call("POST", "/rules", { name: "without", condition, webhooks: [] });
  await s.page.goto(`${s.base}/w`);
  await s.page.getByText("Used by 1 of 2 rules.").waitFor();
  await s.page.getByRole("button", { name: "Add pager to all rules" }).click();
  await s.page.getByText("Used by all 2 rules.").waitFor();
});

test("a ready rule, for the devices of a label, names those it would have fired on", { timeout: 120_000 }, async () => {
  const minute = (n) => new Date(Date.now() - n * 60_000).toISOString();
  const room = (device, cold) => ({
    device,
    readings: Array.from({ length: 60 }, (_, i) => ({
      sensor: "temperature",
      unit: "Cel",
      value: cold && i > 20 && i < 40 ? 3 : 20,
      at: minute(60 - i),
    })),
  });
  await s.push([room("hall", false), room("attic", true), room("cellar", true)]);
  const { body: all } = await s.call("GET", "/devices");
  for (const { id, name } of all.items)
    await s.call("PATCH", `/devices/${id}`, { labels: { floor: name === "cellar" ? "low" : "high" } });
  await s.page.goto(`${s.base}/a?rule=new`);
  const form = s.page.getByRole("form", { name: "New rule" });
  await form.getByRole("button", { name: "Too cold" }).click();
  await form.getByText("on 2 of 3 sensors").waitFor();
  await form.getByLabel("Only with label").selectOption("floor=high");
  await form.getByText("on 1 of 2 sensors").waitFor();
  assert.match(await form.locator(".with-unit").first().innerText(), /°C/);
  await form.getByText("Show which one").click();
  const opened = s.context.waitForEvent("page");
  await form.getByRole("link", { name: "attic Temperature" }).click();
  const chart = await opened;
  await chart.getByRole("heading", { level: 1, name: "attic" }).waitFor();
  await chart.close();
});

test("an error stands at its field, and is gone when another kind is chosen", { timeout: 120_000 }, async () => {
  const form = s.page.getByRole("form", { name: "New rule" });
  await form.getByLabel("Resolves at").fill("1");
  await form.getByRole("button", { name: "Create rule" }).click();
  const problem = form.locator(".field").filter({ hasText: "Resolves at" }).getByRole("alert");
  await problem.waitFor();
  await form.getByLabel("Fires when the value").selectOption("deviation");
  await form.getByRole("alert").waitFor({ state: "detached" });
  // Each kind has fields of its own: what was typed for a limit does not end a deviation.
  assert.equal(await form.getByLabel("Resolves within").inputValue(), "");
  await form.getByLabel("Deviations").fill("1000");
  await form.getByRole("button", { name: "Create rule" }).click();
  await form.locator(".field").filter({ hasText: "Deviations" }).getByRole("alert").waitFor();
  await form.getByLabel("Fires when the value").selectOption("rate");
  await form.getByLabel("Limit").fill("5");
  await form.getByLabel("Measured over").fill("30d");
  // What only the hub knows is said before anything is saved.
  await form.locator(".field").filter({ hasText: "Measured over" }).getByRole("alert").waitFor();
  await form.getByLabel("Fires when the value").selectOption("threshold");
  assert.equal(await form.getByLabel("Resolves at").inputValue(), "1");
  await form.getByLabel("Resolves at").fill("6");
  assert.ok(await form.getByRole("checkbox", { name: "pager" }).isChecked(), "the webhook for new rules");
  await form.getByRole("button", { name: "Create rule" }).click();
  await s.page.getByText("Temperature of any device with floor=high < 5\u202f°C").waitFor();
});

test("one rule on many devices is one entry, acknowledged in one press", { timeout: 120_000 }, async () => {
  await s.call("POST", "/rules", {
    name: "Any wind",
    sensor: "wind",
    condition: { type: "threshold", op: ">", value: 0 },
    for: "0s",
    webhooks: [],
  });
  await s.push(
    ["north", "east", "south", "west"].map((device) => ({
      device,
      readings: [{ sensor: "wind", unit: "m/s", value: 3 }],
    })),
  );
  const group = s.page.locator("[data-group]").filter({ hasText: "Any wind" });
  await group.getByText("4 alerts", { exact: true }).waitFor();
  await group.getByRole("button", { name: "Acknowledge all 4 alerts of Any wind" }).click();
  await group.getByText("4 alerts, all acknowledged").waitFor();
});

test("what is over says what fired it and the worst of it, not what it came back to", {
  timeout: 120_000,
}, async () => {
  await s.call("POST", "/rules", {
    name: "Too windy",
    sensor: "gusts",
    condition: { type: "threshold", op: ">", value: 20 },
    for: "0s",
    webhooks: [],
  });
  for (const value of [25.5, 31.25, 22, 3])
    await s.push([{ device: "mast", readings: [{ sensor: "gusts", unit: "m/s", value }] }]);
  const entry = s.page.locator("[data-alert]").filter({ hasText: "Too windy" }).filter({ hasText: "resolved" });
  await entry.getByText("fired at 25.5\u202fm/s, limit 20\u202fm/s, at worst 31.25\u202fm/s").waitFor();
});

test("a silence is planned for the devices of a label, with a reason", { timeout: 120_000 }, async () => {
  await s.page.getByRole("button", { name: "New silence" }).click();
  const form = s.page.getByRole("form", { name: "New silence" });
  await form.getByLabel("Only with label").selectOption("floor=high");
  await form.getByLabel("From", { exact: true }).fill("2040-01-01T18:00");
  await form.getByLabel("For", { exact: true }).selectOption("");
  await form.getByLabel("Until").fill("2040-01-01T17:00");
  await form.getByLabel("Comment").fill("new boiler");
  await form.getByRole("button", { name: "Create silence" }).click();
  await form.locator(".field").filter({ hasText: "Until" }).getByRole("alert").waitFor();
  await form.getByLabel("Until").fill("2040-01-01T22:00");
  await form.getByRole("button", { name: "Create silence" }).click();
  const planned = s.page.getByRole("region", { name: "Silences" }).getByRole("listitem");
  await planned.getByText(/^all sensors of any device with floor=high, until .*: new boiler$/).waitFor();
  await planned.getByText(/^from 2040-01-01/).waitFor();
});
