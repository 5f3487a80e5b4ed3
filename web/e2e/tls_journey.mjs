// By TLS, with the hub's own certificate authority installed in the browser as a person does it:
// the link by plain HTTP leads to TLS, signing in leaves a cookie of this host alone, what is live moves,
// and the page shows what to compare.
//
//   PICTURES   a folder for pictures of the page

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import {
  CHROMIUM,
  eventually,
  freeTcp,
  freeUdp,
  HUB_BIN,
  LAUNCH,
  PASSWORD,
  setupLink,
  SOON,
  stop,
  within,
} from "./stage.mjs";

let dir, hub, browser, plain, secure, authority;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "hub-e2e-"));
  const [http, udp] = [await freeTcp(), await freeUdp()];
  [plain, secure] = [`http://localhost:${http}`, `https://localhost:${http}`];
  hub = spawn(
    HUB_BIN,
    [
      "serve",
      "--tls",
      "auto",
      "--discovery",
      "off",
      "--data",
      join(dir, "hub"),
      "--http",
      `127.0.0.1:${http}`,
      "--udp",
      `127.0.0.1:${udp}`,
    ],
    { stdio: "ignore" },
  );
  await eventually("the hub answers", async () => (await fetch(`${plain}/readyz`)).ok);
  authority = await (await fetch(`${plain}/ca.crt`)).text();
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...LAUNCH, ...(await trust())],
    env: { ...process.env, HOME: dir },
  });
});
after(async () => {
  await browser?.close();
  await stop(hub);
  await rm(dir, { recursive: true, force: true });
});

/**
 * Installs the authority where Chromium on Linux looks;
 * without the tool for that, the browser is told the certificate's key.
 */
async function trust() {
  const [file, store] = [join(dir, "ca.crt"), join(dir, ".pki", "nssdb")];
  await writeFile(file, authority);
  await mkdir(store, { recursive: true });
  try {
    execFileSync("certutil", ["-d", `sql:${store}`, "-N", "--empty-password"], { stdio: "ignore" });
    execFileSync("certutil", ["-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "hub", "-i", file], { stdio: "ignore" });
    return [];
  } catch {
    const leaf = new X509Certificate(await readFile(join(dir, "hub", "tls", "hub.crt")));
    const key = createHash("sha256")
      .update(leaf.publicKey.export({ type: "spki", format: "der" }))
      .digest("base64");
    return [`--ignore-certificate-errors-spki-list=${key}`];
  }
}

test("from a link by plain HTTP to a page that is live by TLS", { timeout: 120_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(SOON);
  const page = await context.newPage();
  await page.goto(await setupLink(plain, join(dir, "hub")));
  assert.ok(page.url().startsWith(`${secure}/`), page.url());
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set password" }).click();
  await page.locator('[data-connection="live"]').waitFor();
  const cookies = await context.cookies();
  assert.deepEqual(
    cookies.map(({ name, secure, httpOnly, path }) => ({ name, secure, httpOnly, path })),
    [{ name: "__Host-thub", secure: true, httpOnly: true, path: "/" }],
  );
  assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");

  const push = (value) =>
    page.evaluate(async (value) => {
      const body = JSON.stringify({ device: "pump", readings: [{ sensor: "temperature", unit: "Cel", value }] });
      return (
        await fetch("/api/v1/readings", { method: "POST", headers: { "content-type": "application/json" }, body })
      ).status;
    }, value);
  assert.equal(await push(21.5), 200);
  await page.getByText("21.5").first().waitFor();
  assert.equal(await push(34.25), 200);
  await page.getByText("34.3").or(page.getByText("34.25")).or(page.getByText("34.2")).first().waitFor();

  await page.goto(`${secure}/h`);
  const card = page.locator("section", { has: page.getByRole("heading", { name: "Certificate" }) });
  const { fingerprint256 } = new X509Certificate(authority);
  await card.getByText(fingerprint256).waitFor();
  if (process.env.PICTURES) {
    await page.screenshot({ path: join(process.env.PICTURES, "tls-hub.png"), fullPage: true });
    await card.screenshot({ path: join(process.env.PICTURES, "tls-card.png") });
  }
  const [download] = await within(
    Promise.all([page.waitForEvent("download"), card.getByRole("link", { name: "Download certificate" }).click()]),
    "the certificate is downloaded",
  );
  assert.equal(await readFile(await download.path(), "utf8"), authority);
  await context.close();
});
