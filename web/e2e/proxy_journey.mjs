// Through the reverse proxies people have, as `hub/docs/proxies.md` says to set them up:
// at the root, below a path, on another port, with TLS in front, with `Host` as it was and changed.
// A proxy that is not installed is left out, except in CI.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { CHROMIUM, eventually, freeTcp, LAUNCH, PASSWORD, SOON, stage, stop } from "./stage.mjs";

const NAME = "hub.example";
const docs = await readFile(fileURLToPath(new URL("../../hub/docs/proxies.md", import.meta.url)), "utf8");
/** The stanzas of a kind, in their order. */
const stanzas = (kind) =>
  [...docs.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter((found) => found[1] === kind).map((found) => found[2]);

let listing, browser, keys;
const ended = [];
before(async () => {
  listing = await stage({ flags: ["--hosts", NAME, "--trusted-proxies", "127.0.0.1"] });
  await listing.push([{ device: "pump", readings: [{ sensor: "temperature", unit: "Cel", value: 21.5 }] }]);
  // The name leads here; its certificate is one of the test.
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...LAUNCH, `--host-resolver-rules=MAP ${NAME} 127.0.0.1`],
  });
  keys = join(listing.dir, "keys");
  await mkdir(keys);
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-subj",
      `/CN=${NAME}`,
      "-keyout",
      join(keys, "key"),
      "-out",
      join(keys, "pem"),
    ],
    { stdio: "ignore" },
  );
});
after(async () => {
  for (const child of ended.reverse()) await stop(child);
  await browser?.close();
  await listing?.end();
});

/** Signs in through it, sees what is live, and finds the same after a reload far below. */
async function works(base, { secure }) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1024, height: 768 } });
  context.setDefaultTimeout(SOON);
  const page = await context.newPage();
  const wrong = [];
  page.on(
    "response",
    (answer) => answer.status() >= 400 && answer.status() !== 401 && wrong.push(`${answer.status()} ${answer.url()}`),
  );
  await page.goto(base);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator('[data-connection="live"]').waitFor();
  await page.getByRole("link", { name: /^pump/ }).click();
  await page.waitForURL((url) => url.href.startsWith(`${base}d/`));
  await page.reload();
  await page.getByText("21.5").first().waitFor();
  await page.getByRole("link", { name: "← Devices" }).click();
  await page.waitForURL(base);
  // No link of any screen leads out of the path.
  for (const screen of ["", "a", "a?rule=new", "w", "h"]) {
    await page.goto(`${base}${screen}`);
    await page.locator('[data-connection="live"]').waitFor();
    await page.getByRole("heading", { level: 1 }).waitFor();
    const out = await page
      .locator("a[href]")
      .evaluateAll((links, base) => links.map((link) => link.href).filter((href) => !href.startsWith(base)), base);
    assert.deepEqual(out, [], screen);
  }
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.name, cookie.secure], secure ? ["__Host-thub", true] : ["thub", false]);
  const documented = await context.newPage();
  await documented.goto(`${base}api/docs`);
  await documented.getByRole("link", { name: "openapi.json" }).click();
  await documented.getByText('"openapi"').first().waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
}

async function installed(program, t) {
  for (const folder of ["/usr/sbin", "/usr/bin"]) {
    const path = join(folder, program);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  if (process.env.REQUIRE_ALL_TESTS === "1" && program === "nginx") throw new Error(`${program} is not installed`);
  t.skip(`${program} is not installed`);
  return null;
}

async function listens(port) {
  await eventually(
    `something listens on ${port}`,
    () =>
      new Promise((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => resolve(socket.end() && true));
        socket.on("error", reject);
      }),
  );
}

/** nginx with the servers, and what of a configuration stands around them. */
async function nginx(t, servers, port) {
  const program = await installed("nginx", t);
  if (program === null) return false;
  const dir = join(listing.dir, `nginx-${port}`);
  await mkdir(dir);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${dir}/${name};`)
    .join(" ");
  await writeFile(
    join(dir, "conf"),
    `daemon off; user root; pid ${dir}/pid; error_log ${dir}/log; events {}
    http { access_log off; ${paths}\n${servers} }`,
  );
  ended.push(listing.start(program, ["-c", join(dir, "conf"), "-p", dir]));
  await listens(port);
  return true;
}

const filled = (stanza, port, http) =>
  stanza
    .replaceAll("443", String(port))
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${http}`)
    .replaceAll("/etc/ssl/hub.example.pem", join(keys, "pem"))
    .replaceAll("/etc/ssl/hub.example.key", join(keys, "key"));

for (const [at, path] of ["/", "/hub/"].entries()) {
  test(`nginx with TLS, at ${path}`, { timeout: 120_000 }, async (t) => {
    const port = await freeTcp();
    if (await nginx(t, filled(stanzas("nginx")[at], port, listing.http), port))
      await works(`https://${NAME}:${port}${path}`, { secure: true });
  });

  test(`Caddy with TLS, at ${path}`, { timeout: 120_000 }, async (t) => {
    const program = await installed("caddy", t);
    if (program === null) return;
    const port = await freeTcp();
    const file = join(listing.dir, `Caddyfile-${port}`);
    const tls = `{\n    tls ${join(keys, "pem")} ${join(keys, "key")}`;
    const site = filled(stanzas("caddy")[at], port, listing.http).replace(`${NAME} {`, `${NAME}:${port} ${tls}`);
    await writeFile(file, `{\n admin off\n auto_https disable_redirects\n}\n${site}`);
    ended.push(
      listing.start("env", [`HOME=${listing.dir}`, program, "run", "--adapter", "caddyfile", "--config", file]),
    );
    await listens(port);
    await works(`https://${NAME}:${port}${path}`, { secure: true });
  });
}

test("Apache with TLS, below a path", { timeout: 120_000 }, async (t) => {
  const program = await installed("apache2", t);
  if (program === null) return;
  const port = await freeTcp();
  const dir = join(listing.dir, "apache");
  await mkdir(dir);
  const modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "headers", "ssl", "socache_shmcb"].map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  );
  await writeFile(
    join(dir, "conf"),
    [
      `ServerRoot ${dir}`,
      `PidFile ${dir}/pid`,
      `ErrorLog ${dir}/log`,
      `ServerName ${NAME}`,
      `DefaultRuntimeDir ${dir}`,
      `Listen ${port}`,
      ...modules,
      filled(stanzas("apache")[0], port, listing.http),
    ].join("\n"),
  );
  ended.push(listing.start(program, ["-D", "FOREGROUND", "-f", join(dir, "conf")]));
  await listens(port);
  await works(`https://${NAME}:${port}/hub/`, { secure: true });
});

test("a proxy that changes Host and says nothing: names in `hosts` are own pages, on any port", {
  timeout: 120_000,
}, async (t) => {
  const port = await freeTcp();
  const upgrade =
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
  const server = `server { listen ${port}; location / { proxy_pass http://127.0.0.1:${listing.http}; ${upgrade} } }`;
  if (await nginx(t, server, port)) await works(`http://${NAME}:${port}/`, { secure: false });
});

test("one that passes its path on, with the path in --url", { timeout: 120_000 }, async (t) => {
  const port = await freeTcp();
  const other = await stage({ flags: ["--url", `http://${NAME}:${port}/a/b/`] });
  try {
    await other.push([{ device: "pump", readings: [{ sensor: "temperature", unit: "Cel", value: 21.5 }] }]);
    const upgrade =
      "proxy_http_version 1.1; proxy_set_header Host $host; " +
      "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    if (
      !(await nginx(
        t,
        `server { listen ${port}; location /a/ { proxy_pass http://127.0.0.1:${other.http}; ${upgrade} } }`,
        port,
      ))
    )
      return;
    await works(`http://${NAME}:${port}/a/b/`, { secure: false });
    const moved = await fetch(`http://127.0.0.1:${port}/a/b`, { redirect: "manual" });
    assert.deepEqual([moved.status, moved.headers.get("location")], [308, "/a/b/"]);
  } finally {
    await other.end();
  }
});

test("what does not fit is said with both names and the setting: at the door, and where live updates are kept away", {
  timeout: 180_000,
}, async (t) => {
  const port = await freeTcp();
  const other = await stage();
  try {
    const server = `server { listen ${port}; location / { proxy_pass http://127.0.0.1:${other.http}; } }`;
    if (!(await nginx(t, server, port))) return;
    const context = await browser.newContext();
    context.setDefaultTimeout(SOON);
    const page = await context.newPage();
    await page.goto(`http://${NAME}:${port}/`);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    const said = page.getByRole("alert").filter({ hasText: `--hosts ${NAME}` });
    await said.waitFor();
    assert.ok(
      (await said.innerText()).includes(`http://${NAME}:${port}`) &&
        (await said.innerText()).includes(`127.0.0.1:${other.http}`),
      await said.innerText(),
    );
    // By its loopback address the browser says itself that it is the same site; but this proxy passes no WebSocket on.
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText("has to pass on WebSockets").waitFor();
    await context.close();
  } finally {
    await other.end();
  }
});
