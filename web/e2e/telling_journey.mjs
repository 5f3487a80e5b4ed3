// Who is told, by hands: a webhook that asks for a token, changed without being made again; what waits is tried now.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { eventually, stage } from "./stage.mjs";

const TOKEN = "Bearer a token of the receiver";

let s, receiver, address;
const received = [];
let answers = 200;
before(async () => {
  receiver = createServer((request, response) => {
    received.push({ url: request.url, authorization: request.headers.authorization });
    request.resume().on("end", () => response.writeHead(answers).end());
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  address = `127.0.0.1:${receiver.address().port}`;
  s = await stage();
});
after(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await s?.end();
});

test("a receiver that asks for a token is told by a header, and the error says so at its field", { timeout: 120_000 }, async () => {
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
  assert.deepEqual(received.at(-1), { url: "/one", authorization: TOKEN });
});

test("what waits for its next attempt is tried now", { timeout: 120_000 }, async () => {
  answers = 503;
  await s.page.getByRole("button", { name: "Send test to pager" }).click();
  const waiting = s.page.locator(".delivery").first();
  await waiting.getByText("3 attempts").waitFor();
  answers = 200;
  await waiting.getByRole("button", { name: /^Try webhook.test .* now$/ }).click();
  await waiting.filter({ hasText: "delivered" }).getByText("4 attempts").waitFor();
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
  await eventually("it is told there", async () => received.at(-1).url === "/two");
  assert.equal(received.at(-1).authorization, TOKEN);
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
