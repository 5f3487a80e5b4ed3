// One real journey in a real Chromium: an empty hub, a first password, a device that asks, a moving chart, a rule that
// fires, a hub that restarts; the keyboard alone, gaps, a wrong clock, ten thousand devices, hostile names.
// Every screen in both themes by axe, and at 360 px.
//
//   SHOTS                a directory for a picture of every screen (default: none); the programs: see stage.mjs
//
// Every wait ends by itself; none is a sleep.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { AGENT_BIN, CHROMIUM, freeTcp, freeUdp, HUB_BIN, LAUNCH, PASSWORD, setupLink, SOON, stop } from "./stage.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const SHOTS = process.env.SHOTS;

const DEVICE = "e2e-box";

let dir, http, udp, lines, hub, agent, browser, context, page, base;
const troubles = [];

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "hub-e2e-"));
  if (SHOTS) await mkdir(SHOTS, { recursive: true });
  http = await freeTcp();
  udp = await freeUdp();
  lines = await freeUdp();
  base = `http://127.0.0.1:${http}`;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: LAUNCH });
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light" });
  context.setDefaultTimeout(SOON);
  page = await context.newPage();
  page.on("pageerror", (error) => troubles.push(`page error: ${error.message}`));
  page.on(
    "console",
    (message) =>
      /content security policy|trusted ?type/i.test(message.text()) && troubles.push(`console: ${message.text()}`),
  );
  page.on(
    "request",
    (request) =>
      request.url().startsWith(base) ||
      request.url().startsWith("data:") ||
      troubles.push(`request to ${request.url()}`),
  );
});

after(async () => {
  if (SHOTS) await page?.screenshot({ path: join(SHOTS, "last.png") }).catch(() => {});
  await browser?.close();
  await stop(agent);
  await stop(hub);
  await rm(dir, { recursive: true, force: true });
});

test("from an empty hub to an alert and back", { timeout: 480_000 }, async (t) => {
  // A step stands on the one before: after a failure the rest would only fail again, slowly.
  let broken = false;
  const step = (name, run) =>
    t.test(name, { skip: broken }, async (t) => {
      broken = true;
      await run(t);
      broken = false;
    });

  await step("the printed link sets the first password, and leaves the address bar", async () => {
    const link = await startHub();
    await page.goto(link);
    await page.getByRole("heading", { name: "Set the admin password" }).waitFor();
    assert.equal(new URL(page.url()).hash, "");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Set password" }).click();
    await page.getByRole("heading", { name: "No devices yet" }).waitFor();
    await connection("live");
  });

  await step("the empty page says what to run, with a token when asked", async () => {
    await page
      .getByRole("textbox", { name: "agent command" })
      .filter({ hasText: `--hub 127.0.0.1:${udp}` })
      .waitFor();
    await page.getByRole("button", { name: "Add a token to the command" }).click();
    await page.getByRole("textbox", { name: "agent command" }).filter({ hasText: "--join-token " }).waitFor();
    await page.getByText("the hub listens nowhere else").first().waitFor();
    await page.getByText(/^Waiting for devices/).waitFor();
  });

  await step("a device asks, is compared by six words, and is adopted without a reload", async () => {
    await page.evaluate(() => (window.notReloaded = true));
    await startAgent();
    const card = page.getByRole("article").filter({ hasText: DEVICE });
    await card.waitFor();
    assert.equal(await card.getByRole("list", { name: "Six words" }).getByRole("listitem").count(), 6);
    await card.getByRole("button", { name: `Adopt ${DEVICE}` }).click();
    // The first device of all opens by itself, for who adopted it.
    await page.getByRole("heading", { level: 1, name: DEVICE }).waitFor();
    await page.getByRole("link", { name: "← Devices" }).click();
    const row = page.locator(".device").filter({ hasText: DEVICE });
    await row.filter({ hasText: "online" }).waitFor();
    await row.locator(".value").first().waitFor();
    assert.equal(await page.evaluate(() => window.notReloaded), true);
    await page.getByRole("link", { name: DEVICE }).click();
    await page.getByRole("heading", { level: 1, name: DEVICE }).waitFor();
  });

  let sensor;
  await step("the chart moves by itself", async () => {
    const chart = page.locator("[data-chart][data-last-at]").first();
    await chart.waitFor();
    sensor = await chart.getAttribute("data-chart");
    const first = Number(await chart.getAttribute("data-last-at"));
    await movedPast(sensor, first + 1_000);
  });

  const paused = () => page.getByRole("button", { name: /^Paused, / });
  await step(
    "a drag survives redraws and a sensor that appears, zooms and pauses, and the address says so",
    async () => {
      // Of a device that was just added the usual window is as wide as its data: one that stays as it is asked for.
      await page.goto(`${base}/d/${await deviceId()}?from=now-4m&to=now`);
      await page.locator(`[data-chart="${sensor}"][data-last-at]`).waitFor();
      const over = page.locator(`[data-chart="${sensor}"] .u-over`);
      // `hover` waits until the chart stands still and lies under the pointer.
      const { width, height } = await over.boundingBox();
      await over.hover({ position: { x: width * 0.6, y: height / 2 } });
      const place = await over.boundingBox();
      await page.mouse.down();
      await over.hover({ position: { x: width * 0.7, y: height / 2 } });
      // By its name this one would stand before all others.
      await tell("temp.a", 21);
      await page.locator('[data-chart="temp.a"]').waitFor();
      assert.deepEqual(await over.boundingBox(), place, "the chart moved away under the hand");
      await over.hover({ position: { x: width * 0.9, y: height / 2 } });
      await page.mouse.up();
      await paused().waitFor();
      const { searchParams, href } = new URL(page.url());
      assert.match(searchParams.get("from"), /^\d{13}$/);
      const share = (searchParams.get("to") - searchParams.get("from")) / 240_000;
      assert.ok(Math.abs(share - 0.3) < 0.01, `dragged over 0.3 of the window, got ${share}`);
      await page.reload();
      await paused().waitFor();
      assert.equal(page.url(), href);
    },
  );

  await step("L returns to live, Space pauses, however quickly one follows the other", async () => {
    await page.keyboard.press("l");
    await paused().waitFor({ state: "detached" });
    await page.keyboard.press(" ");
    await paused().waitFor();
    // Both in one turn: between them the page had no time to draw.
    await page.evaluate(() => {
      for (const key of ["l", " "]) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    });
    await paused().waitFor();
    assert.match(new URL(page.url()).searchParams.get("to"), /^\d{13}$/);
    await page.keyboard.press("l");
    await page.getByRole("button", { name: "Pause" }).waitFor();
  });

  await step("T shows the same data as a table", async () => {
    await page.keyboard.press("t");
    const rows = dataOf(sensor).getByRole("row");
    await rows.nth(2).waitFor();
    await page.keyboard.press("t");
    await rows.first().waitFor({ state: "detached" });
  });

  await step("a rule made in the page fires, and the alert appears without a reload", async () => {
    await page.evaluate(() => (window.notReloaded = true));
    await page.getByRole("link", { name: "New rule" }).click();
    const form = page.getByRole("form", { name: "New rule" });
    await form.getByLabel("Name").fill("Always");
    assert.equal(await form.getByLabel("Device").inputValue(), DEVICE);
    await form.getByLabel("Sensor").fill(sensor);
    await form.getByLabel("Limit").fill("-1000000000");
    await form.getByLabel("For at least").fill("0s");
    await form.getByText(/^In the last 24 h this would have fired once/).waitFor();
    for (const [kind, field] of [
      ["rate", "Measured over"],
      ["deviation", "Deviations"],
      ["silence", "For longer than"],
      ["threshold", "Limit"],
    ]) {
      await form.getByLabel("Fires when the value").selectOption(kind);
      await form.getByLabel(field).waitFor();
    }
    await form.getByRole("button", { name: "Create rule" }).click();
    const alert = page.locator('[data-alert][data-state="firing"]').filter({ hasText: "Always" });
    await alert.waitFor();
    await page.getByRole("log", { name: "Messages" }).getByText("Alert firing").waitFor();
    await alert.getByRole("button", { name: /^Acknowledge/ }).click();
    await alert.getByText("acknowledged").waitFor();
    await alert.getByLabel(/^Silence Always/).selectOption("1h");
    await alert.getByText("silenced until").waitFor();
    const silences = page.getByRole("region", { name: "Silences" });
    await silences.getByRole("button", { name: /^End/ }).click();
    await silences.waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => window.notReloaded), true);
  });

  await t.test(
    "every screen is accessible in both themes and fits 360 px",
    { skip: broken, timeout: 300_000 },
    async (t) => {
      const device = await deviceId();
      const axe = await readFile(here("../node_modules/axe-core/axe.min.js"), "utf8");
      const press = (name) => () => page.getByRole("button", { name, exact: true }).click();
      const kind = (type) => () => page.getByLabel("Fires when the value").selectOption(type);
      // Everything there is to see: each address, and what opens on it.
      const screens = {
        devices: ["/"],
        "add a device": ["/", press("Add a device")],
        "no match": ["/?q=nothing-is-called-so"],
        groups: ["/?group=status"],
        device: [`/d/${device}`],
        table: [
          `/d/${device}`,
          async () => {
            await press("Table")();
            await page.getByRole("row").nth(2).waitFor();
          },
        ],
        amounts: [`/d/${device}`, () => page.getByRole("button", { name: "Amount" }).first().click()],
        edit: [`/d/${device}`, press("Edit")],
        window: [`/d/${device}`, () => page.locator("summary").filter({ hasText: "From" }).click()],
        sensors: [`/d/${device}`, () => page.locator("summary").filter({ hasText: "sensors" }).click()],
        health: [`/d/${device}`, () => page.locator(".health-line > summary").click()],
        alerts: ["/a"],
        silence: ["/a", press("New silence")],
        ...Object.fromEntries(
          ["threshold", "rate", "increase", "deviation", "silence"].map((type) => [
            `rule by ${type}`,
            ["/a?rule=new", kind(type)],
          ]),
        ),
        "wrong rule": [
          "/a?rule=new&sensor=*",
          async () => {
            await page.getByLabel("Name", { exact: true }).fill("x");
            await page.getByLabel("Limit").fill("1");
            await page.getByLabel("Resolves at").fill("2");
            await press("Create rule")();
            await page.getByRole("alert").waitFor();
          },
        ],
        webhooks: ["/w"],
        webhook: [
          "/w",
          async () => {
            await press("New webhook")();
            await press("Add a header")();
          },
        ],
        hub: ["/h"],
        keyboard: ["/", () => page.keyboard.press("?")],
        missing: ["/no/such/page"],
      };
      for (const [name, [path, open]] of Object.entries(screens)) {
        for (const colorScheme of ["light", "dark"]) {
          await t.test(`${name}, ${colorScheme}`, async () => {
            await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
            await page.goto(base + path);
            await page.locator("main h1, main h2").first().waitFor();
            await connection("live");
            await open?.();
            if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}.png`) });
            assert.deepEqual(await violations(axe), []);
            await page.setViewportSize({ width: 360, height: 740 });
            await fits(360);
            await page.setViewportSize({ width: 1440, height: 900 });
          });
        }
      }
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
    },
  );

  await step("by keyboard alone: search, open, read a chart, go elsewhere, ask for help", async () => {
    await page.goto(base);
    await connection("live");
    await page.getByRole("link", { name: new RegExp(DEVICE) }).waitFor();
    await page.keyboard.press("/");
    await page.locator("#search:focus").waitFor();
    await page.keyboard.type(DEVICE);
    for (
      let tabs = 0;
      tabs < 30 && !(await page.evaluate(() => document.activeElement.matches(".device a.name")));
      tabs++
    )
      await page.keyboard.press("Tab");
    await page.locator("a.name:focus").filter({ hasText: DEVICE }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator("[data-chart][data-last-at]").first().waitFor();
    for (
      let tabs = 0;
      tabs < 60 && !(await page.evaluate(() => document.activeElement.matches("[data-chart]")));
      tabs++
    )
      await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowLeft");
    await page
      .locator("#announce")
      .filter({ hasText: /^\d\d:\d\d:\d\d: / })
      .waitFor({ state: "attached" });
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    for (const [key, heading] of [
      ["a", "Alerts"],
      ["w", "Webhooks"],
      ["h", "Hub"],
      ["d", "Devices"],
    ]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    }
  });

  await step("gaps are gaps at every zoom, on the canvas and in the table", async () => {
    // Readings every two seconds of the last half hour, with five holes that no zoom below may close.
    const end = Math.floor(Date.now() / 60_000) * 60_000;
    const holes = [3, 8, 14, 19, 25].map((minute, i) => [
      end - minute * 60_000,
      end - minute * 60_000 + 60_000 + i * 15_000,
    ]);
    const texts = [];
    for (let at = end - 1_800_000; at <= end; at += 2_000)
      if (!holes.some(([from, to]) => at > from && at < to)) texts.push(`hole level=${at % 7_000} ${at}`);
    for (let i = 0; i < texts.length; i += 20) await tellLines(texts.slice(i, i + 20).join("\n"));
    const device = await deviceId();
    const gaps = async (from, to, wanted) => {
      await page.goto(`${base}/d/${device}?m=hole.level&from=${from}&to=${to}`);
      await page.locator(`[data-chart="hole.level"][data-gaps="${wanted}"]`).waitFor();
    };
    for (const wide of [0, 1_800_000, 7 * 1_800_000]) await gaps(end - 1_800_000 - wide, end, 5);
    for (const [from, to] of holes) {
      await gaps(from - 20_000, to + 20_000, 1);
      await page.keyboard.press("t");
      const table = dataOf("hole.level");
      await table.getByRole("cell", { name: "no data" }).waitFor();
      assert.equal(await table.getByRole("cell", { name: "no data" }).count(), 1);
    }
  });

  await step("a browser whose clock is an hour wrong shows the hub's time", async () => {
    await elsewhere(async (other) => {
      await other.addInitScript(() => {
        const real = Date.now.bind(Date);
        Date.now = () => real() + 3_600_000;
      });
      await other.goto(`${base}/d/${await deviceId()}`);
      await other.locator("[data-chart][data-last-at]").first().waitFor();
      await other.keyboard.press(" ");
      await other.getByRole("button", { name: /^Paused, / }).waitFor();
      const to = Number(new URL(other.url()).searchParams.get("to"));
      assert.ok(Math.abs(to - Date.now()) < 600_000, `the window ends at ${new Date(to).toISOString()}`);
    });
  });

  await step("every time follows the chosen time zone, and the browser remembers it", async () => {
    await elsewhere(
      async (other) => {
        await other.goto(`${base}/d/${await deviceId()}`);
        await other.locator("[data-chart][data-last-at]").first().waitFor();
        await other.keyboard.press(" ");
        await other.keyboard.press("t");
        const row = other.locator("tbody tr").first();
        const at = Number(await row.getAttribute("data-at"));
        const told = (ahead) => new Date(at + ahead).toISOString().slice(0, 19).replace("T", " ");
        await row.getByText(told(5.5 * 3_600_000)).waitFor();
        await other.getByLabel("Time zone").selectOption("UTC");
        await row.getByText(told(0)).waitFor();
        await other.reload();
        await other.locator("[data-chart][data-last-at]").first().waitFor();
        assert.equal(await other.getByLabel("Time zone").inputValue(), "utc");
      },
      { timezoneId: "Asia/Kolkata" },
    );
  });

  await step("how long readings are kept: what a change deletes is said before it is made", async () => {
    await page.goto(`${base}/h`);
    const kept = page.getByRole("region", { name: "Retention" });
    await kept.getByLabel("Every reading").fill("soon");
    await kept.getByRole("alert").filter({ hasText: "soon" }).waitFor();
    await kept.getByLabel("Every reading").fill("30d");
    await kept.getByText("Nothing will be deleted.").waitFor();
    await kept.getByRole("button", { name: "Save" }).click();
    await kept.getByRole("button", { name: "Save" }).waitFor({ state: "detached" });
    await page.reload();
    await page.waitForFunction(() =>
      [...document.querySelectorAll("section[aria-labelledby=retention] input")].some((input) => input.value === "30d"),
    );
  });

  await step("ten thousand devices: found by name, and never more elements than fit a screen", async () => {
    const one = await page.evaluate(async () => (await (await fetch("/api/v1/devices")).json()).items[0]);
    const all = Array.from({ length: 10_000 }, (_, i) => ({
      ...one,
      id: `made-${i}`,
      name: `pump-${String(i).padStart(5, "0")}`,
      status: i % 50 ? "online" : "offline",
    }));
    await elsewhere(async (other) => {
      await other.route(/\/api\/v1\/devices\?/, (route) => {
        const start = Number(new URL(route.request().url()).searchParams.get("cursor") ?? 0);
        return route.fulfill({
          json: {
            items: all.slice(start, start + 1_000),
            next: start + 1_000 < all.length ? String(start + 1_000) : null,
          },
        });
      });
      await other.route(/\/api\/v1\/latest/, (route) => route.fulfill({ json: { items: [], next: null } }));
      await other.goto(base);
      await other.getByRole("link", { name: /^pump-00000/ }).waitFor();
      const elements = () => other.evaluate(() => document.querySelectorAll("*").length);
      assert.ok((await elements()) < 2_000, `${await elements()} elements`);
      await other.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      await other.getByRole("link", { name: /^pump-09999/ }).waitFor();
      assert.ok((await elements()) < 2_000, `${await elements()} elements at the end of the list`);
      await other.keyboard.press("/");
      await other.locator("#search:focus").waitFor();
      await other.keyboard.type("pump-04711");
      await other.getByRole("link", { name: /^pump-04711/ }).waitFor();
      assert.equal(await other.locator(".device").count(), 1);
    });
  });

  await step("a new password: the current one is asked, this browser stays, the others are out", async () => {
    await elsewhere(async (other) => {
      await other.goto(base);
      await other.locator('[data-connection="live"]').waitFor();
      // The same cookie is the same browser: another signs in by itself.
      await other.context().clearCookies();
      await other.reload();
      await other.getByText("Forgot it?").click();
      await other.getByText("telemetry-hub password reset").waitFor();
      await other.getByLabel("Password").fill("a guess that is wrong");
      await other.keyboard.press("Enter");
      await other.getByRole("alert").filter({ hasText: "wrong" }).waitFor();
      await other.getByLabel("Password").fill(PASSWORD);
      await other.keyboard.press("Enter");
      await other.locator('[data-connection="live"]').waitFor();

      await page.goto(`${base}/h`);
      const browsers = page.getByRole("region", { name: "Signed-in browsers" });
      await browsers.getByText("this one").waitFor();
      const others = browsers.getByRole("button", { name: /^Sign out Chrome on Linux from 127/ });
      const there = await others.count();
      assert.ok(there >= 1, "the other browser is listed");
      await others.first().click();
      await browsers
        .getByRole("button", { name: /^Really sign out/ })
        .first()
        .click();
      // The one that was used last stands first: it is the other, and it is out at once.
      await other.getByRole("heading", { name: "Sign in" }).waitFor();
      assert.equal(await others.count(), there - 1);
      await other.getByLabel("Password").fill(PASSWORD);
      await other.keyboard.press("Enter");
      await other.locator('[data-connection="live"]').waitFor();
      const form = page.getByRole("form", { name: "Password" });
      const change = async (present, wanted) => {
        await form.getByLabel("Current password").fill(present);
        await form.getByLabel("New password").fill(wanted);
        await form.getByRole("button", { name: "Change password" }).click();
      };
      await change(PASSWORD, "short");
      await form.getByRole("alert").filter({ hasText: "at least 8" }).waitFor();
      await change("not the one", "another long password");
      await form.getByRole("alert").filter({ hasText: "current password is wrong" }).waitFor();
      await change(PASSWORD, "another long password");
      await page.getByRole("log", { name: "Messages" }).getByText("Password changed").waitFor();
      // By itself: what it shows is not its own any more.
      await other.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.reload();
      await connection("live");
      const changes = page.getByRole("region", { name: "Changes by people" });
      await changes.getByText("User admin changed").first().waitFor();
      await changes.getByText("Sign-in refused: wrong password").first().waitFor();
      await change("another long password", PASSWORD);
      await page.getByRole("log", { name: "Messages" }).getByText("Password changed").waitFor();
    });
  });

  await step("notes about a device are shown as they were written", async () => {
    await page.goto(`${base}/d/${await deviceId()}`);
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Notes").fill("behind the boiler\nkey: Anna");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByLabel("Notes").waitFor({ state: "detached" });
    await page.reload();
    assert.equal(await page.locator(".notes").innerText(), "behind the boiler\nkey: Anna");
  });

  await step("a phone finds a name, a colour and icons for its home screen", async () => {
    const link = await page.locator('link[rel="manifest"]').getAttribute("href");
    const manifest = await (await fetch(new URL(link, page.url()))).json();
    for (const { src, sizes, type } of [
      ...manifest.icons,
      {
        src: await page.locator('link[rel="apple-touch-icon"]').getAttribute("href"),
        sizes: "180x180",
        type: "image/png",
      },
    ]) {
      const answer = await fetch(new URL(src, base));
      const picture = Buffer.from(await answer.arrayBuffer());
      // Width and height stand in the first chunk of a PNG.
      assert.deepEqual(
        [answer.headers.get("content-type"), `${picture.readUInt32BE(16)}x${picture.readUInt32BE(20)}`],
        [type, sizes],
        src,
      );
    }
    assert.deepEqual([manifest.start_url, manifest.display], ["./", "standalone"]);
  });

  await step("hostile names are text", async () => {
    const name = `<img src=x onerror=alert(1)>\u202Egnp`;
    await page.goto(base);
    await page.evaluate(
      async ([id, name]) =>
        fetch(`/api/v1/devices/${id}`, {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ labels: { [name.slice(0, 20)]: name } }),
        }),
      [await deviceId(), name],
    );
    await tellLines("<b>bold</b> <i>x</i>=1");
    await page.goto(`${base}/d/${await deviceId()}`);
    await page.locator("[data-chart][data-last-at]").first().waitFor();
    const found = await page.evaluate(() => ({
      made: document.querySelectorAll("main img, main b b, h2 b, h2 i").length,
      turned: /[\u202A-\u202E\u2066-\u2069]/.test(document.body.innerText),
    }));
    assert.deepEqual(found, { made: 0, turned: false });
  });

  await step("a hub that restarts: the pill says so, then the chart goes on", async () => {
    await page.goto(base);
    await page.getByRole("link", { name: new RegExp(DEVICE) }).click();
    await page.locator("[data-chart][data-last-at]").first().waitFor();
    await page.locator("h1 ~ .status").filter({ hasText: "online" }).waitFor();
    await stop(hub);
    await connection("reconnecting");
    await page
      .getByRole("alert")
      .filter({ hasText: /No connection to the hub since \d\d:\d\d:\d\d/ })
      .waitFor();
    // Nothing on the page looks alive: no state is green, and no word says online.
    await page.locator("h1 ~ .status").filter({ hasText: "was online" }).waitFor();
    assert.equal(await page.locator(".status.good").count(), 0);
    assert.match(await page.locator("main").evaluate((main) => getComputedStyle(main).filter), /grayscale/);
    await startHub();
    const back = Date.now();
    await connection("live");
    await page.locator(".lost-bar").waitFor({ state: "detached" });
    await page.locator("h1 ~ .status.good").waitFor();
    await movedPast(sensor, back + 1_000, 60_000);
    const times = await tableTimes(sensor);
    assert.equal(new Set(times).size, times.length, "a point is drawn twice");
  });

  await step("nothing was refused by the Content-Security-Policy, nothing was asked of others", () => {
    assert.deepEqual(troubles, []);
  });
});

// --- The programs ---------------------------------------------------------------------------------------------------

/** Starts the hub; resolves with the setup link, or with the plain address once a password is set. */
async function startHub() {
  hub = spawn(
    HUB_BIN,
    [
      "serve",
      "--data",
      join(dir, "hub"),
      "--http",
      `127.0.0.1:${http}`,
      "--udp",
      `127.0.0.1:${udp}`,
      "--join",
      "click",
      "--webhook-allow",
      "127.0.0.0/8",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  hub.stdout.resume();
  hub.stderr.on("data", (chunk) => process.env.VERBOSE && process.stderr.write(chunk));
  await eventually("the hub answers", async () => (await fetch(`${base}/readyz`)).ok);
  const { needed } = await (await fetch(`${base}/api/v1/setup`)).json();
  return needed ? setupLink(base, join(dir, "hub")) : base;
}

async function startAgent() {
  const config = join(dir, "agent.toml");
  await writeFile(config, `[[listen]]\nudp = "127.0.0.1:${lines}"\nprecision = "ms"\n`);
  agent = spawn(
    AGENT_BIN,
    [
      "run",
      "--config",
      config,
      "--hub",
      `127.0.0.1:${udp}`,
      "--state",
      join(dir, "agent"),
      "--name",
      DEVICE,
      "--interval",
      "200ms",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  agent.stderr.on("data", (chunk) => process.env.VERBOSE && process.stderr.write(chunk));
}

/** A reading of another program beside the agent. */
const tell = (sensor, value) => tellLines(`${sensor.replace(".", " ")}=${value}`);

/** Influx line protocol to the agent. */
async function tellLines(text) {
  const socket = createSocket("udp4");
  await new Promise((resolve, reject) =>
    socket.send(text, lines, "127.0.0.1", (error) => (error ? reject(error) : resolve())),
  );
  socket.close();
}

const deviceId = () => page.evaluate(async () => (await (await fetch("/api/v1/devices")).json()).items[0].id);

/** Another browser of the same person. */
async function elsewhere(run, more = {}) {
  const other = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    storageState: await context.storageState(),
    ...more,
  });
  other.setDefaultTimeout(SOON);
  await run(await other.newPage());
  await other.close();
}

// --- Waiting --------------------------------------------------------------------------------------------------------

/** The table of a chart. */
const dataOf = (sensor) => page.locator(`figure:has([data-chart="${sensor}"]) .table-wrap`);

const connection = (state) => page.locator(`[data-connection="${state}"]`).waitFor();

/** Only what is on the screen is drawn, so the chart is brought there first. */
const movedPast = async (sensor, at, timeout = SOON) => {
  await page.locator(`[data-chart="${sensor}"]`).scrollIntoViewIfNeeded();
  await page.waitForFunction(
    ([name, limit]) => Number(document.querySelector(`[data-chart="${name}"]`)?.dataset.lastAt) > limit,
    [sensor, at],
    { timeout },
  );
};

/** Charts follow a new width one frame later; what still sticks out after that never goes away. */
async function fits(width) {
  await page
    .waitForFunction((width) => innerWidth === width && document.documentElement.scrollWidth <= width, width, {
      timeout: 5_000,
    })
    .catch(async () => {
      const wide = await page.evaluate(
        (width) =>
          [...document.querySelectorAll("main *")]
            .filter((one) => one.getBoundingClientRect().right > width)
            .map((one) => `${one.tagName}.${one.className}`)
            .slice(0, 5),
        width,
      );
      assert.fail(`scrolls sideways at ${width} px: ${wide.join(", ")}`);
    });
}

async function tableTimes(sensor) {
  await page.keyboard.press(" ");
  await page.keyboard.press("t");
  const cells = dataOf(sensor).locator("tbody tr td:first-child");
  await cells.first().waitFor();
  return dataOf(sensor)
    .locator("tbody tr")
    .evaluateAll((rows) => rows.map((row) => row.dataset.at));
}

async function eventually(what, check) {
  const end = Date.now() + SOON;
  for (;;) {
    if (await check().catch(() => false)) return;
    if (hub.exitCode !== null) throw new Error(`the hub ended with ${hub.exitCode} before ${what}`);
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Findings of axe, each as one line: all but the minor ones. */
async function violations(axe) {
  await page.evaluate(axe);
  const { passes, violations } = await page.evaluate(async () => {
    const { passes, violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return { passes: passes.length, violations };
  });
  assert.ok(passes > 10, "axe looked at nothing");
  return violations
    .filter(({ impact }) => impact !== "minor")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}
