// The frame of every screen: navigation, connection pill, banners, keys that work everywhere.

import { pathTo } from "../base";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { go, part, state } from "../app";
import { openWindow } from "../actions/hub";
import { clean, duration, millis, zone } from "../format";
import { href, OVERVIEW, type Route } from "../route";
import { unseen } from "../state";
import { isCommand } from "./controls";
import { lazily } from "./lazy";
import { Logo } from "./logo";
import { LostBar } from "./lost";
import { Only } from "./may";
import { Toasts } from "./toasts";
import { choice, choose, nameOf, type Choice } from "../zone";
import "../screens.css";

// Each screen is code of its own.
const overview = lazily(() => import("./overview").then((screen) => screen.Overview));
const device = lazily(() => import("./device/view").then((screen) => screen.DeviceView));
const alerts = lazily(() => import("./alerts").then((screen) => screen.Alerts));
const alert = lazily(() => import("./alert").then((screen) => screen.AlertView));
const webhooks = lazily(() => import("./webhooks").then((screen) => screen.Webhooks));
const hub = lazily(() => import("./hub").then((screen) => screen.HubView));

const route = part((s) => s.route);
const connection = part((s) => s.connection);
const unseenCount = part((s) => unseen(s).length);
const degraded = part((s) => s.hub?.degraded ?? null);

(({ overview, device, alerts, alert, webhooks, hub }) as Partial<Record<Route["view"], { fetch(): void }>>)[
  route.peek().view
]?.fetch();

/** The first screen has its data by then. */
const IDLE_MS = 1_500;

const ALERTS: Route = { view: "alerts", rule: null, device: "", sensor: "" };
const WEBHOOKS: Route = { view: "webhooks", webhook: null };
const HUB: Route = { view: "hub" };

export function Frame() {
  const help = useRef<HTMLDialogElement>(null);
  const showHelp = () => {
    if (!help.current?.open) help.current?.showModal();
  };
  useKeys(showHelp);
  const at = route.value;
  useEffect(() => {
    const idle = setTimeout(() => {
      for (const screen of [overview, device, alerts, hub, webhooks, alert]) screen.fetch();
    }, IDLE_MS);
    return () => clearTimeout(idle);
  }, []);
  useEffect(() => {
    document.title = titleOf(at);
  }, [at]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="top">
        <div class="top-in">
          <a class="brand" href={pathTo("/")} aria-label="Telemetry hub">
            <Logo />
            <span>Telemetry hub</span>
          </a>
          <nav class="nav" aria-label="Main">
            <NavLink to={OVERVIEW} here={at.view === "overview" || at.view === "device"}>
              Devices
            </NavLink>
            <NavLink to={ALERTS} here={at.view === "alerts" || at.view === "alert"}>
              Alerts
              {unseenCount.value > 0 ? (
                <span class="count" title="Firing, and not acknowledged yet">
                  {unseenCount.value}
                  <span class="seen-by-readers"> not acknowledged</span>
                </span>
              ) : null}
            </NavLink>
            <NavLink to={WEBHOOKS} here={at.view === "webhooks"}>
              Webhooks
            </NavLink>
            <NavLink to={HUB} here={at.view === "hub"}>
              Hub
            </NavLink>
          </nav>
          <div class="top-end">
            <Zone />
            <Pill />
            <button
              type="button"
              class="button plain"
              aria-label="Keyboard shortcuts"
              title="Keyboard shortcuts"
              onClick={showHelp}
            >
              ?
            </button>
          </div>
        </div>
        <LostBar />
        <JoinWindow />
        {degraded.value ? (
          <div class="banner bad" role="alert">
            <div>{clean(degraded.value, 300)}</div>
          </div>
        ) : null}
      </header>
      <main class="main" id="main" tabIndex={-1}>
        <Screen at={at} />
      </main>
      <footer class="foot small quiet">
        <a href={pathTo("/api/docs")} target="_blank" rel="noopener">
          API documentation
        </a>
        <button type="button" class="link" onClick={showHelp}>
          Keyboard shortcuts
        </button>
        <span class="wide">
          Command line: <code>telemetry-hub --help</code>
        </span>
      </footer>
      <Toasts />
      <Help dialog={help} />
      <div id="announce" class="seen-by-readers" role="status" aria-live="polite" />
    </>
  );
}

function Screen({ at }: { at: Route }) {
  switch (at.view) {
    case "overview":
      return <overview.View route={at} />;
    case "device":
      return <device.View key={at.id} route={at} />;
    case "alerts":
      return <alerts.View route={at} />;
    case "alert":
      return <alert.View key={at.id} route={at} />;
    case "webhooks":
      return <webhooks.View route={at} />;
    case "hub":
      return <hub.View />;
    case "missing":
      return (
        <section class="card empty">
          <h1>Nothing is here</h1>
          <p>There is no page at this address.</p>
          <a class="button" href={pathTo("/")}>
            All devices
          </a>
        </section>
      );
  }
}

function titleOf(at: Route): string {
  const name =
    at.view === "device"
      ? clean(state.peek().devices?.[at.id]?.name ?? "Device")
      : {
          overview: "Devices",
          alerts: "Alerts",
          alert: "Alert",
          webhooks: "Webhooks",
          hub: "Hub",
          missing: "Not found",
        }[at.view];
  return `${name} · Telemetry hub`;
}

function NavLink({ to, here, children }: { to: Route; here: boolean; children: preact.ComponentChildren }) {
  return (
    <a href={href(to)} aria-current={here ? "page" : undefined}>
      {children}
    </a>
  );
}

function Pill() {
  const live = connection.value === "live";
  return (
    <span class={`pill ${live ? "" : "wait"}`} role="status" data-connection={connection.value}>
      {live ? "live" : connection.value === "connecting" ? "connecting" : "no connection"}
    </span>
  );
}

const ZONES: [Choice, string][] = [
  ["browser", "This browser"],
  ["hub", "Hub"],
  ["utc", "UTC"],
];

/** Whose clock the times on the page are told by. What is chosen shows the offset, the list the whole name. */
function Zone() {
  const { now } = state.value;
  const name = nameOf(choice.value) ?? nameOf("browser")!;
  return (
    <label class="zone" title="Time zone of every time on this page">
      <span aria-hidden="true">{zone(now, name).split(", ").at(-1)}</span>
      <select
        aria-label="Time zone"
        value={choice.value}
        onChange={(event) => choose(event.currentTarget.value as Choice)}
      >
        {ZONES.map(([of, label]) => {
          const known = nameOf(of);
          return (
            <option key={of} value={of} disabled={known === null}>
              {of === "utc" ? label : `${label}: ${known === null ? "not known" : zone(now, known)}`}
            </option>
          );
        })}
      </select>
    </label>
  );
}

const windowUntil = part((s) => {
  const until = millis(s.hub?.join.window_until);
  return until !== null && until > s.now ? until : null;
});

/** Anyone may join while this shows, so it shows everywhere and closes with one click. */
function JoinWindow() {
  const until = windowUntil.value;
  if (until === null) return null;
  const left = duration(until - state.value.now);
  return (
    <div class="banner" role="status">
      <div>
        <strong>Join window open</strong>
        <span>
          For the next <span aria-live="off">{left}</span> every new device is added automatically.
        </span>
        <Only may="admin">
          <button type="button" class="button" onClick={() => void openWindow("0s")}>
            Close it
          </button>
        </Only>
      </div>
    </div>
  );
}

const KEYS: [string[], string][] = [
  [["/"], "Search devices"],
  [["g", "d"], "Devices"],
  [["g", "a"], "Alerts"],
  [["g", "w"], "Webhooks"],
  [["g", "h"], "Hub"],
  [["Space"], "Pause or resume the charts"],
  [["L"], "Return to live"],
  [["T"], "Data as tables"],
  [["←", "→"], "Pan; in a focused chart, move the cursor"],
  [["+", "−"], "Zoom in, zoom out"],
  [["0"], "Back to the window before"],
  [["?"], "This list"],
];

/** Always there and opened in place: a key that follows at once finds it open, or closed, and not on its way. */
function Help({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} class="stack" aria-labelledby="keys">
      <h2 id="keys">Keyboard</h2>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <>
            <dt>
              {keys.map((key) => (
                <kbd>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
      <p class="small quiet">In a chart: drag to zoom, Shift and drag to pan, double click to go back.</p>
      <form method="dialog" class="row end">
        <button type="submit" class="button primary">
          Close
        </button>
      </form>
    </dialog>
  );
}

/** `g` then a letter goes somewhere, `/` searches, `?` tells. */
function useKeys(help: () => void): void {
  useEffect(() => {
    let going = false;
    const press = (event: KeyboardEvent) => {
      if (!isCommand(event)) return;
      const targets: Record<string, Route> = { d: OVERVIEW, o: OVERVIEW, a: ALERTS, w: WEBHOOKS, h: HUB };
      const target = going ? targets[event.key] : undefined;
      going = event.key === "g";
      if (target) go(target);
      else if (event.key === "?") help();
      else if (event.key === "/") {
        if (route.peek().view !== "overview") go(OVERVIEW);
        requestAnimationFrame(() => document.querySelector<HTMLInputElement>("#search")?.focus());
      } else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
