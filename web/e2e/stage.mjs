// What every journey needs: the programs under test, a browser, ports, and waits that end.
//
//   HUB_BIN, AGENT_BIN   the programs under test (default: ../target/debug)
//   CHROMIUM             the browser (default: /usr/bin/chromium)

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
export const HUB_BIN = process.env.HUB_BIN ?? here("../../target/debug/telemetry-hub");
export const AGENT_BIN = process.env.AGENT_BIN ?? here("../../target/debug/device-agent");
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Far longer than anything takes on a machine that has other work as well; what is right does not wait for it. */
export const SOON = 30_000;
export const PASSWORD = "a long enough password";
export const LAUNCH = [
  "--no-sandbox",
  "--headless=new",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * The link that sets the first password: where a hub's output is no terminal, its token is in the data directory only.
 */
export async function setupLink(base, data) {
  let token = "";
  await eventually(
    "the hub leaves its token",
    async () => (token = (await readFile(join(data, "setup-token"), "utf8").catch(() => "")).trim()),
  );
  return `${base}/#setup=${token}`;
}

/**
 * A hub of its own in a folder of its own, a browser that is signed in by its setup link, and agents beside it.
 * `flags` go to the hub; `http` is the address it listens on. Everything ends with `end`.
 */
export async function stage({ flags = [], listen = "127.0.0.1", viewport = { width: 1440, height: 900 } } = {}) {
  const dir = await mkdtemp(join(tmpdir(), "hub-e2e-"));
  const [http, udp] = [await freeTcp(), await freeUdp()];
  const base = `http://127.0.0.1:${http}`;
  const children = [];
  let hub = null;
  const start = (bin, args) => {
    const child = spawn(bin, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const out of [child.stdout, child.stderr])
      out.on("data", (chunk) => process.env.VERBOSE && process.stderr.write(chunk));
    children.push(child);
    return child;
  };
  const startHub = async () => {
    hub = start(HUB_BIN, [
      "serve",
      "--data",
      join(dir, "hub"),
      "--http",
      `${listen}:${http}`,
      "--udp",
      `${listen}:${udp}`,
      "--webhook-allow",
      "127.0.0.0/8",
      ...flags,
    ]);
    await eventually("the hub answers", async () => (await fetch(`${base}/readyz`)).ok);
    const { needed } = await (await fetch(`${base}/api/v1/setup`)).json();
    if (!needed) return base;
    return setupLink(base, join(dir, "hub"));
  };
  const agent = (name, ...more) =>
    start(AGENT_BIN, [
      "run",
      "--hub",
      `127.0.0.1:${udp}`,
      "--state",
      join(dir, name),
      "--name",
      name,
      "--interval",
      "200ms",
      ...more,
    ]);

  const link = await startHub();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: LAUNCH });
  const context = await browser.newContext({ viewport });
  context.setDefaultTimeout(SOON);
  const page = await context.newPage();
  await page.goto(link);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set password" }).click();
  await page.locator('[data-connection="live"]').waitFor();
  /** Asks the hub as the page does. */
  const call = (method, path, body) =>
    page.evaluate(
      async ([method, path, body]) => {
        const answer = await fetch(`/api/v1${path}`, {
          method,
          headers: { "content-type": "application/json" },
          ...(body === null ? {} : { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
      },
      [method, path, body ?? null],
    );
  let token = null;
  /** Readings by HTTP, one device a line: `{ device, readings }`. */
  const push = async (lines) => {
    token ??= (await call("POST", "/tokens", { name: "pushed", scope: "write", expires: "1h" })).body.token;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/x-ndjson" };
    const pushed = await fetch(`${base}/api/v1/readings`, {
      method: "POST",
      headers,
      body: lines.map((line) => JSON.stringify(line)).join("\n"),
    });
    assert.ok(pushed.ok, await pushed.text());
  };
  const end = async () => {
    await browser.close();
    for (const child of children.reverse()) await stop(child);
    await rm(dir, { recursive: true, force: true });
  };
  return {
    dir,
    base,
    http,
    udp,
    browser,
    context,
    page,
    start,
    agent,
    call,
    push,
    end,
    startHub,
    stopHub: () => stop(hub),
  };
}

export async function stop(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await within(gone, "the program ends").catch(() => child.kill("SIGKILL"));
}

export async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`timed out: ${what}`)), SOON)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks until it is so. */
export async function eventually(what, check) {
  const end = Date.now() + SOON;
  while (!(await check().catch(() => false))) {
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// Ports outside the range from which the kernel takes ports for clients:
// the browser's own connections would otherwise sit on them between two starts of the hub.
const somewhere = () => 20_000 + Math.floor(Math.random() * 12_000);

export async function freeTcp() {
  for (;;) {
    const port = somewhere();
    const server = createServer();
    const bound = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (bound) return port;
  }
}

export async function freeUdp() {
  for (;;) {
    const port = somewhere();
    const socket = createSocket("udp4");
    const bound = await new Promise((resolve) => {
      socket.once("error", () => resolve(false));
      socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
    });
    if (bound) return port;
  }
}
