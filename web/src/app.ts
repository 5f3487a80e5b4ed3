// The running page: the one state, the one stream, and the address bar. Views read `state` and call `go`.
//
// Rows of the stream take two ways: to the open charts at once, and, only the last of each series, into the state
// once a second, because nobody reads a number faster than that.

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { session } from "./api";
import { pathTo } from "./base";
import { Live, type Subscription } from "./live";
import { href, parse, type Route } from "./route";
import { initial, update, type DeviceEvent, type Msg, type State, type ThingEvent } from "./state";
import type { LiveMessage, Row } from "./types";

const NUMBERS_EVERY_MS = 1_000;
/** A hub that restarts tells of ten thousand devices at once, and a thousand alerts are acknowledged: drawn once. */
const EVENTS_EVERY_MS = 100;

export const state = signal<State>(initial(parse(location.pathname, location.search), Date.now()));

export function dispatch(msg: Msg): void {
  state.value = update(state.value, msg);
}

let turns = 0;

/** The next turn: of a question that is asked now, or of a message that came now (`told.ts`). */
export const turn = () => ++turns;

/** A part of the state that changes only when that part does. */
export function part<T>(of: (state: State) => T): ReadonlySignal<T> {
  return computed(() => of(state.value));
}

/** Server time at this moment, for axes and ages. */
export function serverNow(): number {
  return Date.now() + state.peek().skew;
}

// --- The stream -----------------------------------------------------------------------------------------------------

type Listener = (message: LiveMessage) => void;
const listeners = new Set<Listener>();
const lastRows = new Map<string, Row>();
let deviceEvents: DeviceEvent[] = [];
let thingEvents: ThingEvent[] = [];

const live = new Live(
  {
    open(ears) {
      const socket = new WebSocket(
        `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${pathTo("/api/v1/live")}`,
      );
      socket.onmessage = (event) => ears.message(event.data);
      socket.onclose = () => ears.close();
      return socket;
    },
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  },
  {
    message(message) {
      if (message.type === "snapshot" || message.type === "readings") {
        for (const row of message.rows) keepNewest(row);
      } else if (message.type === "device") {
        deviceEvents.push({ ...message, turn: turn() });
        if (deviceEvents.length === 1) setTimeout(flushDevices, EVENTS_EVERY_MS);
      } else if (message.type === "alert" || message.type === "delivery") {
        thingEvents.push({ ...message, turn: turn() });
        if (thingEvents.length === 1) setTimeout(flushThings, EVENTS_EVERY_MS);
      } else {
        dispatch({ kind: "live", message, at: Date.now(), turn: turn() });
      }
      for (const listener of listeners) listener(message);
    },
    lost() {
      // One that was there and went is nothing of the kind.
      const neverCame = state.peek().connection !== "live";
      dispatch({ kind: "connection", connection: "reconnecting" });
      if (neverCame) void session.bars().then((why) => dispatch({ kind: "barred", why }));
    },
  },
);

/** Every message of the stream, for what is drawn rather than read. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function subscribe(subscription: Subscription): () => void {
  const id = live.subscribe(subscription);
  return () => live.unsubscribe(id);
}

export const startStream = () => live.start();
export const stopStream = () => live.stop();
export const retryStream = () => live.retryNow();

function flushDevices(): void {
  const events = deviceEvents;
  deviceEvents = [];
  dispatch({ kind: "device events", events });
}

function flushThings(): void {
  const events = thingEvents;
  thingEvents = [];
  // Nothing of a session that ended meanwhile may show in the next.
  if (state.peek().session.kind === "in") dispatch({ kind: "thing events", events });
}

function keepNewest(row: Row): void {
  const key = `${row[0]}\u0000${row[1]}`;
  const before = lastRows.get(key);
  if (!before || before[2] <= row[2]) lastRows.set(key, row);
}

// --- Address bar ----------------------------------------------------------------------------------------------------

/** Shows a route. `replace` for what is not worth a step back, like a letter typed into the search. */
export function go(route: Route, how: "push" | "replace" = "push"): void {
  const address = href(route);
  if (address !== location.pathname + location.search)
    history[how === "push" ? "pushState" : "replaceState"](null, "", address);
  const moved = route.view !== state.peek().route.view;
  dispatch({ kind: "route", route });
  if (moved && how === "push") {
    scrollTo(0, 0);
    // The next Tab begins in the new screen, and a screen reader begins to read it.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true }));
  }
}

/** Lets plain clicks on links of this page change the route without loading it again. */
function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element | null)?.closest("a");
  if (
    !link ||
    link.origin !== location.origin ||
    link.target !== "" ||
    link.hasAttribute("download") ||
    !link.pathname.startsWith(pathTo("/")) ||
    link.pathname.startsWith(pathTo("/api/"))
  )
    return;
  event.preventDefault();
  go(parse(link.pathname, link.search));
}

/** Starts the clock, the flush of numbers and the listeners of the window. */
export function start(): void {
  // Written relative to where the page was loaded; from here on its address changes without that.
  for (const link of document.querySelectorAll<HTMLLinkElement>("link[href]")) link.setAttribute("href", link.href);
  addEventListener("popstate", () => dispatch({ kind: "route", route: parse(location.pathname, location.search) }));
  document.addEventListener("click", followLinks);
  addEventListener("online", () => live.retryNow());
  setInterval(() => {
    if (lastRows.size > 0) {
      dispatch({ kind: "readings", rows: [...lastRows.values()] });
      lastRows.clear();
    }
    dispatch({ kind: "tick", at: Date.now() });
  }, NUMBERS_EVERY_MS);
}
