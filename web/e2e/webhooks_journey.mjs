// A webhook by hands: what lets in is shown nowhere, not even to whom may change it; a body of one's own is refused
// where it fails; an echo in the hub shows what would be sent before anything is saved; quiet hours hold back what
// fires in them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { look } from "./shots.mjs";
import { stage } from "./stage.mjs";

let s;
before(async () => {
  s = await stage();
  await s.page.goto(`${s.base}/w`);
});
after(async () => s?.end());

const fieldOf = (form, label) => form.locator(".field").filter({ hasText: label });

test("an echo shows what would be sent, before anything is saved", { timeout: 60_000 }, async () => {
  await s.page.getByRole("button", { name: "New webhook" }).click();
  const form = s.page.getByRole("form", { name: "New webhook" });
  await form.getByLabel("Name", { exact: true }).fill("script");
  await form.getByLabel("Address").fill("http://192.168.0.9/hooks/sesame");
  const echo = form.getByRole("status", { name: "Echo" });
  await echo.getByRole("button", { name: "Send to an echo" }).click();
  await echo.getByText("The signature is right.").waitFor();
  await echo.getByText("It is signed with a secret made for this.").waitFor();
  const request = await echo.getByRole("region", { name: "The request" }).innerText();
  assert.match(request, /^POST http:\/\/192\.168\.0\.9\/\(hidden\)\n/);
  assert.match(request, /"type":"alert.firing"/);
  await look(s.page, "echo-unsaved");
  // What was changed since came otherwise; what has none is not offered one.
  await form.getByLabel("Name", { exact: true }).fill("scripts");
  await echo.getByText("The signature is right.").waitFor({ state: "detached" });
  await form.getByLabel("Sends to").selectOption("email");
  await echo.waitFor({ state: "detached" });
  await form.getByLabel("Sends to").selectOption("generic");
  assert.deepEqual((await s.call("GET", "/webhooks")).body.items, []);
});

test("a body of one's own is refused where it fails, and previewed to the byte", { timeout: 60_000 }, async () => {
  const form = s.page.getByRole("form", { name: "New webhook" });
  await form.getByText("A body of your own").click();
  const body = form.getByLabel("Body");
  await body.fill('{"text": {{ title|tojson }},\n "x": {{ devise|tojson }}}');
  await form.getByLabel("Secret").fill("s3cret-of-it");
  await form.getByRole("button", { name: "Create webhook" }).click();
  const problem = fieldOf(form, "Body").getByRole("alert");
  await problem.filter({ hasText: /[Ll]ine 2, column 10.*did you mean `device`/ }).waitFor();
  await look(s.page, "template-refused");
  await body.fill('{"text": {{ title|tojson }}, "key": {{ token|tojson }}}');
  await problem.waitFor({ state: "detached" });
  await form.getByText("Preview what is sent").click();
  await form
    .getByLabel("What is sent")
    .filter({ hasText: '{"text": "Too warm on greenhouse", "key": "(hidden)"}' })
    .waitFor();
  await form.getByRole("button", { name: "Send to an echo" }).click();
  await form.getByText(/The body is JSON of \d+ bytes/).waitFor();
  await look(s.page, "template");
});

test("quiet hours are set in the form, and what they do is said at the webhook", { timeout: 60_000 }, async () => {
  const form = s.page.getByRole("form", { name: "New webhook" });
  await form.getByLabel(/^Quiet hours/).check();
  for (const day of ["Mon", "Tue", "Wed", "Thu", "Fri"]) await form.getByLabel(day, { exact: true }).uncheck();
  await form.getByLabel("Begins", { exact: true }).fill("08:00");
  await form.getByLabel("Ends", { exact: true }).fill("08:00");
  await form.getByLabel("How bad").selectOption("warning");
  await form.getByLabel("Only rules with tags").fill("team=heating");
  await look(s.page, "quiet-hours");
  await form.getByRole("button", { name: "Create webhook" }).click();
  await s.page.getByRole("button", { name: "I have saved it" }).click();
  const entry = s.page.getByRole("region", { name: "Webhooks" }).getByRole("listitem").filter({ hasText: "scripts" });
  await entry.getByText(/quiet/i).first().waitFor();
  const { body } = await s.call("GET", "/webhooks");
  const { quiet_hours: quiet, tags, least_severity } = body.items[0];
  assert.deepEqual(
    [quiet.days, quiet.from, quiet.until, tags, least_severity],
    [["sat", "sun"], "08:00", "08:00", { team: "heating" }, "warning"],
  );
});

test("what of an address lets in is shown nowhere, and stays when all else is changed", {
  timeout: 60_000,
}, async () => {
  await s.call("POST", "/webhooks", {
    name: "chat",
    kind: "slack",
    url: "https://hooks.slack.com/services/T0/B0/sesame",
  });
  await s.page.goto(`${s.base}/w`);
  const shown = "https://hooks.slack.com/services/(hidden)";
  await s.page.getByText(shown).waitFor();
  await s.page.getByRole("button", { name: "Edit chat" }).click();
  const form = s.page.getByRole("form", { name: "Edit chat" });
  const where = form.getByLabel("Address");
  assert.equal(await where.inputValue(), shown);
  await form.getByText("stored; to change it, write all of it").waitFor();
  await form.getByRole("button", { name: "Send to an echo" }).click();
  await form.getByRole("region", { name: "The request" }).filter({ hasText: shown }).waitFor();
  await look(s.page, "address-hidden");
  await form.getByLabel("Name", { exact: true }).fill("team chat");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  // A part of it that is changed is refused at its field, whole it is taken.
  await s.page.getByRole("button", { name: "Edit team chat" }).click();
  const again = s.page.getByRole("form", { name: "Edit team chat" });
  await again.getByLabel("Address").fill("https://hooks.slack.com/services/T0/B1/(hidden)");
  await again.getByRole("button", { name: "Save" }).click();
  await fieldOf(again, "Address").getByRole("alert").filter({ hasText: "Write the whole address" }).waitFor();
  await again.getByLabel("Address").fill("https://hooks.slack.com/services/T0/B1/sesame");
  await again.getByRole("button", { name: "Save" }).click();
  await again.waitFor({ state: "detached" });
  await s.page.getByText(shown).waitFor();
  assert.ok(!(await s.page.content()).includes("sesame"));
});

test("one that is stored is sent to the echo by its own secret", { timeout: 60_000 }, async () => {
  await s.page.getByRole("button", { name: "Send to an echo first: scripts" }).click();
  const card = s.page.getByRole("status", { name: "Echo of scripts" });
  await card.getByText("The signature is right.").waitFor();
  assert.ok(!(await card.innerText()).includes("s3cret-of-it"));
  await look(s.page, "echo");
  await card.getByRole("button", { name: "Close" }).click();
});
