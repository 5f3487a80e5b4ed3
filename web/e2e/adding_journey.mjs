// How a device gets onto the page: the page's own command,
// opened on the hub's computer and by an address of the network.

import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AGENT_BIN, PASSWORD, stage } from "./stage.mjs";

/** An address of this machine that others could reach; without one only loopback can be tried. */
const own = Object.values(networkInterfaces())
  .flat()
  .find((one) => one.family === "IPv4" && !one.internal)?.address;
const MACHINE = { x64: "x86_64", arm64: "aarch64", arm: "armhf" }[process.arch];

let s, agents;
before(async () => {
  // The agent under test, in a folder from which the hub hands it out.
  agents = await mkdtemp(join(tmpdir(), "hub-e2e-agents-"));
  await copyFile(AGENT_BIN, join(agents, `device-agent-${MACHINE}`));
  s = await stage({ listen: "0.0.0.0", flags: ["--agents", agents] });
});
after(async () => {
  await s?.end();
  await rm(agents, { recursive: true, force: true });
});

test("one button, then one command that holds an address of the network, never loopback", {
  skip: own === undefined,
  timeout: 120_000,
}, async () => {
  const { page } = s;
  await page.getByRole("button", { name: "Create install command" }).click();
  const command = page.getByRole("textbox", { name: "install command" });
  await command
    .filter({ hasText: /^curl (--noproxy '\*' )?-sS 'http:\/\/[^']+\/install\.sh\?token=thj1_[^']+' \| sh$/ })
    .waitFor();
  await page.getByText("Other ways to add a device").click();
  const seen = [await command.innerText()];
  for (const [way, label] of [
    ["Debian package", "package command"],
    ["Memory card", "flash command"],
  ]) {
    await page.getByRole("button", { name: way }).click();
    seen.push(await page.getByRole("textbox", { name: label }).innerText());
  }
  for (const text of seen) assert.doesNotMatch(text, /127\.|localhost|::1/);
  // The command is as good as it looks: the hub answers to it, with a script that names the same address.
  const url = /'([^']+)'/.exec(seen[0])[1];
  const script = await (await fetch(url)).text();
  assert.ok(script.includes(`hub='${new URL(url).hostname}:${s.udp}'`), script.slice(0, 600));
});

test("a device that runs it is adopted without a click, and opens, being the first", { timeout: 120_000 }, async () => {
  const { page } = s;
  const token = /thj1_[^' ]+/.exec(await page.getByRole("textbox", { name: "install command" }).innerText())[0];
  s.agent("by-command", "--join-token", token);
  await page.getByRole("heading", { level: 1, name: "by-command" }).waitFor();
  await page.getByRole("link", { name: "← Devices" }).click();
  await page.locator(".device").filter({ hasText: "by-command" }).filter({ hasText: "online" }).waitFor();
});

test("Copy works over plain HTTP and says so", { skip: own === undefined, timeout: 120_000 }, async () => {
  const other = await s.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await other.newPage();
  await page.goto(`http://${own}:${s.http}/`);
  assert.equal(await page.evaluate(() => isSecureContext), false, "a browser trusts this address: nothing is tried");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Add a device" }).click();
  await page.getByRole("button", { name: "Create install command" }).click();
  const command = await page.getByRole("textbox", { name: "install command" }).innerText();
  await page.getByRole("button", { name: "Copy install command" }).click();
  await page.getByRole("button", { name: "Copied install command" }).waitFor();
  await page.locator("#search").focus();
  await page.keyboard.press("Control+V");
  assert.equal(await page.locator("#search").inputValue(), command);
  assert.ok(command.includes(`http://${own}:${s.http}/`));
  // It was copied because it was asked for. Looking at other ways, and back, takes nothing of the clipboard again.
  await page.locator("#search").fill("what a person copied since");
  await page.locator("#search").selectText();
  await page.keyboard.press("Control+C");
  await page.getByText("Other ways to add a device").click();
  for (const way of ["Memory card", "Debian package", "Memory card"])
    await page.getByRole("button", { name: way }).click();
  const addresses = page.getByLabel("Address of this hub in the command");
  if ((await addresses.count()) > 0) await addresses.selectOption({ index: 1 });
  await page.getByRole("button", { name: "Close" }).click();
  await page.locator("#search").fill("");
  await page.locator("#search").focus();
  await page.keyboard.press("Control+V");
  assert.equal(await page.locator("#search").inputValue(), "what a person copied since");
  await other.close();
});
