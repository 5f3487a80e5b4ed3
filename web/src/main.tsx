// Wiring: start the clock, open the session, load what every screen stands on, show the page.

import { effect } from "@preact/signals";
import { render } from "preact";
import { learnUnits, loadAll, loadDevices, needPast, showsPast } from "./actions/loading";
import { checkSession, openSession } from "./actions/session";
import { listen, part, start, state, subscribe } from "./app";
import { App } from "./view/app";
import { hubZone } from "./zone";
import "./style.css";

start();
render(<App />, document.querySelector("#app")!);

// Anything may have happened before a `hello`, so each one loads again; a loss may be the end of the session.
const streams = part((state) => state.streams);
const connection = part((state) => state.connection);
effect(() => {
  if (streams.value > 0) void loadAll();
});
const view = part((state) => state.route.view);
const listed = part((state) => state.listed);
effect(() => {
  if (streams.value > 0 && view.value !== "device" && !listed.value) void loadDevices();
});
effect(() => {
  if (streams.value > 0 && showsPast(view.value)) void needPast();
});
effect(() => {
  if (connection.value === "reconnecting" && state.peek().session.kind === "in") void checkSession();
});
const zoneOfHub = part((state) => state.hub?.time_zone ?? null);
effect(() => {
  hubZone.value = zoneOfHub.value;
});
listen(learnUnits);

// A `gap` also says that events of devices and alerts may be missing. It is told to subscriptions only, so one that
// matches nothing stands on the screens that show no readings.
subscribe({ device: "-", sensor: "-", max_hz: 1 });
let settle: ReturnType<typeof setTimeout> | null = null;
listen((message) => {
  if (message.type !== "gap") return;
  if (settle !== null) return;
  settle = setTimeout(() => {
    settle = null;
    void loadAll();
  }, 1_000);
});

// A link that is opened where the page is open already changes the fragment alone.
addEventListener("hashchange", () => void (/^#(setup|login|invite)=/.test(location.hash) && openSession()));
void openSession();
