// The first minutes as a newcomer has them: from an empty folder to the first chart, by discovery and by the page's own
// command, each in at most five actions. Hub and device are two machines (network namespaces) of a network in which
// nobody else answers, so that the commands can be those of the README, without an address in them.
//
//   FILM    a directory for the pictures that the README shows, one a walk (`npm run film`)
//
// Needs root and `ip`; without them it is skipped.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { strip } from "./film.mjs";
import { AGENT_BIN, CHROMIUM, eventually, HUB_BIN, LAUNCH, PASSWORD, SOON, stop } from "./stage.mjs";

const ACTIONS_MOST = 5;
const HUB_ADDRESS = "10.77.0.1";
const FILM = process.env.FILM;
/** How long a chart is watched before its picture is taken, so that there is something on it. */
const WATCHED_MS = FILM ? 25_000 : 0;
const { MACHINES } = process.env;

const other = MACHINES === undefined ? null : otherMachine();
if (other === null) apart();
else {
  before(() => other.made);
  test("by discovery: at most five actions from an empty folder to the first chart", { timeout: 120_000 }, byDiscovery);
  test(
    "by the page's own command: at most five actions from an empty folder to the first chart",
    { timeout: 120_000 },
    byCommand,
  );
}

/**
 * Runs this file once more, on a machine of its own with a cable to another one. Neither has a name:
 * whatever happens, they end with the processes in them, and those with the first of them.
 */
function apart() {
  const alone = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const may = spawnSync("unshare", [...alone, "sh", "-c", "ip link add eth0 type veth peer name eth1"]).status === 0;
  test("the first minutes", {
    skip: may ? false : "needs root and network namespaces (unshare, ip)",
    timeout: 300_000,
  }, () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = spawnSync("unshare", [...alone, process.execPath, fileURLToPath(import.meta.url)], {
      env: { ...env, MACHINES: "2" },
      encoding: "utf8",
      timeout: 290_000,
      killSignal: "SIGKILL",
    });
    assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  });
}

/** The other machine, at the end of the cable: what is run there. */
function otherMachine() {
  const keeper = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
  // It ends with the first process here.
  keeper.unref();
  const ip = (line) => assert.equal(spawnSync("ip", line.split(" ")).status, 0, `ip ${line}`);
  const there = ["-t", String(keeper.pid), "-n"];
  const isApart = () => readlinkSync(`/proc/${keeper.pid}/ns/net`) !== readlinkSync("/proc/self/ns/net");
  const made = eventually("another machine", async () => isApart()).then(() => {
    ip(`link add eth0 type veth peer name eth0 netns ${keeper.pid}`);
    for (const line of [`addr add ${HUB_ADDRESS}/24 dev eth0`, "link set lo up", "link set eth0 up"]) ip(line);
    for (const line of ["addr add 10.77.0.2/24 dev eth0", "link set lo up", "link set eth0 up"]) {
      assert.equal(spawnSync("nsenter", [...there, "ip", ...line.split(" ")]).status, 0, line);
    }
  });
  return { made, command: (program, args) => ["nsenter", [...there, program, ...args]] };
}

async function byDiscovery() {
  await walk("first-chart", async ({ person, frame, device }) => {
    const { page } = person;
    await page.getByRole("heading", { name: "No devices yet" }).waitFor();
    await device.run("device-agent run", AGENT_BIN, ["run"]);
    const adopt = page.getByRole("button", { name: /^Adopt / });
    await adopt.waitFor();
    assert.equal(await page.getByRole("list", { name: "Six words" }).getByRole("listitem").count(), 6);
    await frame("A device asks: compare the six words, adopt it");
    await person.click("Adopt", adopt);
  });
}

async function byCommand() {
  await walk("by-command", async ({ person, frame, device }) => {
    const { page } = person;
    await person.click("Create install command", page.getByRole("button", { name: "Create install command" }));
    const command = page.getByRole("textbox", { name: "install command" });
    await page.getByRole("button", { name: "Copied install command" }).waitFor();
    await frame("One command, copied");
    // Run as far as it goes without a service manager:
    // the device fetches the script, and starts the agent as the script would.
    const [, url] = /^curl (?:--noproxy '\*' )?-sS '(http:\/\/[^']+)' \| sh$/.exec(await command.innerText());
    assert.equal(new URL(url).hostname, HUB_ADDRESS);
    const script = spawnSync(...other.command("curl", ["-sS", url]), { encoding: "utf8" }).stdout;
    const said = (name) => new RegExp(`^${name}='([^']+)'$`, "m").exec(script)[1];
    await device.run(await command.innerText(), AGENT_BIN, [
      "run",
      "--hub",
      said("hub"),
      "--join-token",
      said("token"),
    ]);
  });
}

// --- Who walks, and what is written down ----------------------------------------------------------------------------

/** From an empty folder to a chart; `middle` is what lies between the open page and the chart. */
async function walk(name, middle) {
  const folder = await mkdtemp(join(tmpdir(), "hub-first-"));
  assert.deepEqual(await readdir(folder), []);
  const beside = await mkdtemp(join(tmpdir(), "hub-beside-"));
  const children = [];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: LAUNCH });
  const context = await browser.newContext({ viewport: { width: 920, height: 640 } });
  context.setDefaultTimeout(SOON);
  const page = await context.newPage();
  const frames = [];
  const frame = async (caption) => FILM && frames.push({ caption, picture: await page.screenshot() });
  try {
    const person = somebody(page);
    // A person starts it on a terminal: elsewhere it shows no link that sets the password.
    const hub = await person.run("telemetry-hub serve", "script", ["-qefc", `exec ${HUB_BIN} serve`, "/dev/null"], {
      cwd: folder,
      env: { TELEMETRY_HUB_AGENTS: await agentsIn(beside) },
    });
    children.push(hub);
    let link = null;
    await eventually(
      "the hub prints its link",
      async () => (link = new RegExp(`http://${HUB_ADDRESS}:\\d+/#setup=\\w+`).exec(hub.said)?.[0]),
    );
    if (FILM)
      frames.push({
        caption: "Start the hub, open its link, set the password",
        text: `$ telemetry-hub serve\n${hub.said.replaceAll("\r", "").trimEnd()}`,
      });
    await person.open(link);
    await person.type("Password", PASSWORD);
    await page.locator('[data-connection="live"]').waitFor();
    const device = {
      run: async (what, program, args) => {
        const agent = await person.run(what, ...other.command(program, args), {
          cwd: beside,
          env: { DEVICE_AGENT_STATE: join(beside, "state"), DEVICE_AGENT_NAME: "workshop" },
        });
        children.push(agent);
      },
    };
    await middle({ person, frame, device });
    await page.locator("[data-chart][data-last-at]").first().waitFor();
    await page.getByRole("heading", { level: 1, name: "workshop" }).waitFor();
    if (FILM) await page.waitForTimeout(WATCHED_MS);
    await frame("The first chart");
    assert.ok(person.did.length <= ACTIONS_MOST, `${person.did.length} actions: ${person.did.join("; ")}`);
    if (FILM) await strip(browser, frames, join(FILM, `${name}.png`));
  } finally {
    await browser.close();
    for (const child of children.reverse()) await stop(child);
    for (const dir of [folder, beside]) await rm(dir, { recursive: true, force: true });
  }
}

/**
 * A person at a browser and at terminals. Everything they do is written down:
 * a click, a field with the Enter behind it, a command.
 */
function somebody(page) {
  const did = [];
  return {
    page,
    did,
    open: (link) => did.push(`open ${link.replace(/=.*/, "=…")}`) && page.goto(link),
    type: async (label, text) => {
      did.push(`type ${label}`);
      await page.getByLabel(label).fill(text);
      await page.keyboard.press("Enter");
    },
    click: (what, target) => did.push(`click ${what}`) && target.click(),
    run: async (what, program, args, { cwd, env }) => {
      did.push(`run ${what}`);
      const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
      child.said = "";
      child.stdout.on("data", (chunk) => (child.said += chunk));
      child.stderr.on("data", (chunk) => process.env.VERBOSE && process.stderr.write(chunk));
      return child;
    },
  };
}

/** The agent under test, in a folder from which the hub hands it out. */
async function agentsIn(dir) {
  const machine = { x64: "x86_64", arm64: "aarch64", arm: "armhf" }[process.arch];
  const path = join(dir, "agents", `device-agent-${machine}`);
  await mkdir(dirname(path));
  await copyFile(AGENT_BIN, path);
  return dirname(path);
}
