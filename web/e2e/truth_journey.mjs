// What the page shows is true: an answer that was on its way never undoes what the stream has said since.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { stage } from "./stage.mjs";

let s;
before(async () => {
  s = await stage();
});
after(() => s?.end());

test("a test of a webhook is delivered and never falls back to pending", { timeout: 180_000 }, async () => {
  const receiver = createServer((request, response) => request.resume().on("end", () => response.end("ok")));
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { page } = s;
  // The answer to the click is held back: what the stream says meanwhile is newer.
  let held = Promise.resolve();
  await page.route(/\/webhooks\/[^/]+\/test$/, async (route) => {
    const answer = await route.fetch();
    await held;
    await route.fulfill({ response: answer });
  });
  await s.call("POST", "/webhooks", { name: "sink", url: `http://127.0.0.1:${receiver.address().port}/` });
  await page.goto(`${s.base}/w`);
  for (let i = 1; i <= 5; i++) {
    let release;
    held = new Promise((resolve) => (release = resolve));
    await page.getByRole("button", { name: "Send test to sink" }).click();
    const delivered = page.locator("[data-delivery]").filter({ hasText: "delivered" });
    await page.waitForFunction((n) => document.querySelectorAll("[data-delivery]").length === n, i);
    await delivered.nth(i - 1).waitFor();
    const answered = page.waitForResponse(/\/test$/);
    release();
    await answered;
    // One turn of the page later the answer has been taken.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.equal(await delivered.count(), i, "an older answer undid what the stream had said");
  }
  receiver.close();
});
