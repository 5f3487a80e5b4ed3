// An alert in words of a person's own, from the rule to the page of what happened: a template that fails is refused
// where it fails, the message is seen while it is typed, and the alert is told so; its page has the story, the
// picture and the way to the rule. Then tags, and a rule that counts devices.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startReceiver } from "./receiver.mjs";
import { look } from "./shots.mjs";
import { eventually, stage } from "./stage.mjs";

let s, receiver;
const minute = (n) => new Date(Date.now() - n * 60_000).toISOString();
const warm = (device, ...values) => ({
  device,
  readings: values.map((value, n) => ({
    sensor: "temperature",
    unit: "Cel",
    value,
    at: minute(values.length - 1 - n),
  })),
});

before(async () => {
  receiver = await startReceiver();
  s = await stage();
  const url = `http://${receiver.address}/`;
  await s.call("POST", "/webhooks", { name: "pager", url, for_new_rules: true });
  await s.push([warm("boiler", 20, 21, 20, 22), warm("attic", 18, 18)]);
});
after(async () => {
  receiver?.end();
  await s?.end();
});

test("a message is seen while it is typed, and one that fails is refused where it fails", {
  timeout: 60_000,
}, async () => {
  await s.page.goto(`${s.base}/a?rule=new`);
  const form = s.page.getByRole("form", { name: "New rule" });
  await form.getByLabel("Name", { exact: true }).fill("Too warm");
  await form.getByLabel("Device").fill("boiler");
  await form.getByLabel("Sensor").fill("temperature");
  await form.getByLabel("Limit", { exact: true }).fill("30");
  await form.getByLabel("For at least").fill("0s");
  await form.getByLabel("Tags").fill("team=heating");
  await form.getByText("What people are told").click();
  await form.getByLabel("Title").fill("{{ device }} is at {{ value_text }}");
  const said = form.locator(".said");
  await said.getByText("boiler is at 31.5 °C", { exact: true }).waitFor();
  await form.getByLabel("Text", { exact: true }).fill("Call {{ tags.team }}.\n{{ devise }}");
  const problem = form.getByRole("alert").filter({ hasText: /line 2/i });
  await problem.filter({ hasText: /[Ll]ine 2, column 4.*did you mean `device`/ }).waitFor();
  await look(s.page, "rule-refused");
  await form.getByLabel("Text", { exact: true }).fill("Call {{ tags.team }}, now at {{ value_text }}.");
  await problem.waitFor({ state: "detached" });
  await said.getByText("Call heating, now at 31.5 °C.").waitFor();
  await look(s.page, "rule-message");
  await form.getByRole("button", { name: "Create rule" }).click();
  await form.waitFor({ state: "detached" });
});

test("the alert is told in these words, and its page says what happened, to whom, and why", {
  timeout: 60_000,
}, async () => {
  await s.push([{ device: "boiler", readings: [{ sensor: "temperature", unit: "Cel", value: 34.5 }] }]);
  await eventually("it is told", async () => receiver.came.length > 0);
  assert.equal(receiver.came[0].body.title, "boiler is at 34.5 °C");
  assert.match(receiver.came[0].body.text, /^Call heating, now at 34.5 °C\./);
  const entry = s.page.locator("[data-alert]").filter({ hasText: "Too warm" });
  await entry.getByRole("link", { name: "Too warm" }).first().click();
  await s.page.getByRole("heading", { level: 1, name: "Too warm on boiler" }).waitFor();
  const story = s.page.getByRole("region", { name: "What happened" });
  await story.getByText("It fired.").waitFor();
  await story.getByText("pager was told that it fires.").waitFor();
  await s.page.getByRole("region", { name: "Why it fired" }).getByText("This rule fired once here").waitFor();
  await s.page.locator('[data-chart="alert"] canvas').first().waitFor();
  const picture = s.page.getByRole("link", { name: "Save as picture" });
  const drawn = await s.page.request.get(new URL(await picture.getAttribute("href"), s.base).href);
  assert.deepEqual([drawn.status(), drawn.headers()["content-type"]], [200, "image/png"]);
  assert.equal((await drawn.body()).subarray(1, 4).toString(), "PNG");
  await look(s.page, "alert");
  await s.page.getByRole("link", { name: "Edit the rule" }).click();
  await s.page.getByRole("form", { name: "Edit rule" }).getByRole("button", { name: "Cancel" }).click();
});

test("a tag lists the alerts that have it", { timeout: 60_000 }, async () => {
  await s.call("POST", "/rules", {
    name: "Attic warm",
    device: "attic",
    sensor: "temperature",
    condition: { type: "threshold", op: ">", value: 30 },
    for: "0s",
    webhooks: [],
  });
  await s.push([{ device: "attic", readings: [{ sensor: "temperature", unit: "Cel", value: 31 }] }]);
  await s.page.goto(`${s.base}/a`);
  const attic = s.page.locator("[data-alert]").filter({ hasText: "Attic warm" });
  await attic.waitFor();
  const boiler = s.page.locator("[data-alert]").filter({ hasText: "Too warm" });
  const tag = boiler.getByRole("button", { name: "team:heating" });
  await tag.click();
  await attic.waitFor({ state: "detached" });
  await boiler.waitFor();
  await look(s.page, "alerts-tag");
  await tag.click();
  await attic.waitFor();
});

test("a rule that counts devices says what it would have done before it is saved", { timeout: 60_000 }, async () => {
  await s.page.goto(`${s.base}/a?rule=new`);
  const form = s.page.getByRole("form", { name: "New rule" });
  await form.getByLabel("Name", { exact: true }).fill("Warm everywhere");
  await form.getByLabel("Sensor").fill("temperature");
  await form.getByLabel("Fires when the value").selectOption("count");
  await form.getByLabel("Devices", { exact: true }).fill("2");
  const each = form.getByRole("group", { name: "What is so on each of them" });
  await each.getByLabel("The value").selectOption("threshold");
  await each.getByLabel("Limit", { exact: true }).fill("30");
  await form.getByLabel("For at least").fill("0s");
  await form.getByText(/would (not )?have fired/).waitFor();
  await look(s.page, "rule-count");
  await form.getByRole("button", { name: "Create rule" }).click();
  await form.waitFor({ state: "detached" });
  await s.page
    .getByText(/at least 2 devices/i)
    .first()
    .waitFor();
  await s.push(["boiler", "attic"].map((device) => warm(device, 40)));
  const counted = s.page.locator("[data-alert]").filter({ hasText: "Warm everywhere" });
  await counted
    .getByText(/boiler/)
    .first()
    .waitFor();
});
