// A second person, by hands: added by the owner, who chooses a password by a link, sees what a viewer may,
// gets a second factor, signs in with it, and is signed out the moment the owner says so.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { PASSWORD, stage } from "./stage.mjs";

const HERS = "her own long password";

let s, other;
const pictures = process.env.PICTURES;
before(async () => {
  s = await stage();
  other = await (await s.browser.newContext({ viewport: { width: 390, height: 844 } })).newPage();
});
after(async () => s?.end());

/** RFC 6238, written anew: what an app would show. */
function totp(secret, at = Date.now()) {
  const bits = [...secret]
    .map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigInt64BE(BigInt(Math.floor(at / 30_000)));
  const sum = createHmac("sha1", key).update(step).digest();
  return String((sum.readUInt32BE(sum.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function picture(page, name) {
  if (!pictures) return;
  for (const width of [390, 1280]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${pictures}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    }
  }
}

async function signIn(page, { name, password, code }) {
  if (name) await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  if (code) {
    await page.getByLabel("Code").fill(code);
    await page.getByRole("button", { name: "Sign in" }).click();
  }
}

let link;
test("the owner adds somebody, and gets a link to give away", { timeout: 120_000 }, async () => {
  await other.goto(s.base);
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await other.getByLabel("Name", { exact: true }).count(), 0, "one person is asked for no name");
  await s.page.goto(`${s.base}/h`);
  const users = s.page.getByRole("region", { name: "Users" });
  await users.getByText("you", { exact: true }).waitFor();
  await users.getByLabel("Name", { exact: true }).fill("Anna");
  await users.getByRole("button", { name: "Add user" }).click();
  link = await users.getByRole("textbox", { name: "sign-in link" }).innerText();
  assert.match(link, /\/#invite=[0-9a-f]{32}$/);
  await picture(s.page, "users");
});

test("a program gets a token for some devices, and sees no other", { timeout: 120_000 }, async () => {
  const tokens = s.page.getByRole("region", { name: "API tokens", exact: true });
  await tokens.getByLabel("Permissions").selectOption("admin");
  assert.equal(await tokens.getByLabel("Only devices with").count(), 0, "full access is for all of them");
  await tokens.getByLabel("Permissions").selectOption("write");
  await tokens.getByLabel("Name", { exact: true }).fill("greenhouse");
  const only = tokens.getByLabel("Only devices with");
  await only.fill("a b=c");
  await tokens.getByRole("button", { name: "Create API token" }).click();
  await tokens.getByRole("alert").getByText("a label's key must have").waitFor();
  await only.fill("site=south, floor=2");
  await tokens.getByRole("button", { name: "Create API token" }).click();
  const token = await tokens.getByRole("textbox", { name: "API token" }).innerText();
  const row = tokens.getByRole("row", { name: "greenhouse" });
  assert.deepEqual(await row.locator(".chip").allInnerTexts(), ["floor=2", "site=south"]);
  const ask = async (path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return (
      await fetch(`${s.base}/api/v1${path}`, {
        headers,
        ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
      })
    ).json();
  };
  assert.equal((await ask("/readings", { device: "bed-1", readings: [{ sensor: "soil", value: 40 }] })).stored, 1);
  const seen = await ask("/devices");
  assert.deepEqual(
    seen.items.map((one) => [one.name, one.labels]),
    [["bed-1", { floor: "2", site: "south" }]],
  );
  assert.match((await ask("/hub")).detail, /only for devices with floor=2, site=south/);
  await picture(s.page, "tokens");
});

test("she chooses a password, and sees what a viewer may", { timeout: 120_000 }, async () => {
  await other.goto(link);
  await other.getByRole("heading", { name: "Welcome, Anna" }).waitFor();
  assert.ok(!other.url().includes("invite"), "the code leaves the address bar");
  await picture(other, "invited");
  await other.getByLabel("New password").fill(HERS);
  await other.getByRole("button", { name: "Set password" }).click();
  await other.locator('[data-connection="live"]').waitFor();
  await other.goto(`${s.base}/a`);
  await other.getByText("Only an operator or admin can change this. You are signed in as a viewer.").waitFor();
  assert.equal(await other.getByRole("link", { name: "New rule" }).count(), 0);
  await other.goto(`${s.base}/h`);
  await other.getByText("You are signed in as Anna, a viewer.").waitFor();
  for (const region of ["Users", "API tokens", "Changes by people"])
    assert.equal(await other.getByRole("region", { name: region }).count(), 0, region);
});

let recovery;
test("she turns on a second factor with the code of her app", { timeout: 120_000 }, async () => {
  await other.getByLabel("Your password").fill(HERS);
  await other.getByRole("button", { name: "Set up", exact: true }).click();
  const secret = (await other.getByRole("textbox", { name: "secret of the second factor" }).innerText()).replaceAll(
    " ",
    "",
  );
  await other.getByRole("img", { name: /^QR code/ }).waitFor();
  await picture(other, "second-factor");
  await other.getByLabel("Code").fill("000000");
  await other.getByRole("button", { name: "Turn on" }).click();
  await other.getByRole("alert").filter({ hasText: "not the code" }).waitFor();
  await other.getByLabel("Code").fill(totp(secret, Date.now() - 30_000));
  await other.getByRole("button", { name: "Turn on" }).click();
  recovery = (await other.getByRole("textbox", { name: "recovery codes" }).innerText()).trim().split(/\s+/);
  assert.equal(recovery.length, 10);
  await picture(other, "recovery-codes");
  await other.getByRole("button", { name: "I have saved them" }).click();
  await other.getByText("10 recovery codes are left.").waitFor();
  await other.getByRole("button", { name: "Sign out", exact: true }).click();
  await other.getByLabel("Name", { exact: true }).waitFor();
  await signIn(other, { name: "anna", password: HERS, code: totp(secret) });
  await other.locator('[data-connection="live"]').waitFor();
  await other.goto(`${s.base}/h`);
  await other.getByRole("button", { name: "Sign out", exact: true }).click();
  await signIn(other, { name: "anna", password: HERS, code: recovery[0] });
  await other.locator('[data-connection="live"]').waitFor();
});

test("made an operator she may more; disabled she is out at once", { timeout: 120_000 }, async () => {
  await s.page.reload();
  const users = s.page.getByRole("region", { name: "Users" });
  await users.getByLabel("Role of Anna").selectOption("operator");
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  await picture(other, "sign-in");
  await signIn(other, { name: "ANNA", password: HERS, code: recovery[1] });
  await other.locator('[data-connection="live"]').waitFor();
  await other.goto(`${s.base}/a`);
  await other.getByRole("link", { name: "New rule" }).waitFor();
  await other.goto(`${s.base}/h`);
  await other.getByText("You are signed in as Anna, an operator.").waitFor();
  await picture(other, "operator");
  await users.getByRole("button", { name: "Disable Anna" }).click();
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(other, { name: "Anna", password: HERS });
  await other.getByRole("alert").filter({ hasText: "the name or the password is wrong" }).waitFor();
  await signIn(other, { name: "admin", password: PASSWORD });
  await other.locator('[data-connection="live"]').waitFor();
});
