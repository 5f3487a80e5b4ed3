// All devices: who waits for adoption on top, then everyone with status and live values, sorted, filtered and grouped.

import { useEffect, useRef, useState } from "preact/hooks";
import { LIVE_DEVICES, needHub, loadLatest, loadSensorSets } from "../actions/loading";
import { go, part, state } from "../app";
import { asksValues, compared, matches, misunderstood, parseFilter, whyNone } from "../filter";
import {
  columnsOf,
  cutAtOrdinary,
  firstWay,
  grouped,
  groupings,
  oddities,
  sensorsOf,
  setsOf,
  sorted,
  withAsked,
  type Odd,
} from "../fleet";
import { favourites } from "../favourites";
import { clean, count, many } from "../format";
import { title } from "../names";
import { byImportance } from "../rank";
import { href, OVERVIEW, parse, type Route, type Shown } from "../route";
import { firingByDevice, standing } from "../standing";
import { lastHeard } from "../state";
import type { Device, DeviceStatus } from "../types";
import { AddDevice, FirstDevice } from "./add_device";
import { AdoptCard } from "./adopt_card";
import { useEvery } from "./controls";
import { Rows, type Item } from "./device_rows";
import { FOUND_FEW } from "./row_values";
import { may } from "./may";

type OverviewRoute = Extract<Route, { view: "overview" }>;

/** Columns that find room. */
const columnsMost = () => (matchMedia("(min-width: 1081px)").matches ? 4 : 3);
/** So many who wait stand one below the other in slim cards above a list; of more, cards side by side are shorter. */
const SLIM_MOST = 3;
/** Which sensors a fleet has changes when devices come, and seldom. */
const COLUMNS_EVERY_MS = 10_000;
/** What the hub says of itself. */
const HUB_EVERY_MS = 5_000;
/** Values move; rows that followed each of them could not be read. */
const ORDER_EVERY_MS = 5_000;

const devices = part((s) => s.devices);
const listed = part((s) => s.listed);
const streams = part((s) => s.streams);
const sensorSets = part((s) => s.sensorSets);
const byName = new Intl.Collator(undefined, { numeric: true });

let order: readonly Device[] = [];
const named = part(() => {
  const all = devices.value ?? {};
  // Most events change no name; sorting ten thousand anew for each would be felt.
  const same =
    order.length === Object.keys(all).length && order.every((device) => all[device.id]?.name === device.name);
  order = same
    ? order.map((device) => all[device.id]!)
    : Object.values(all).sort((a, b) => byName.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
  return order;
});
const counts = part((s) => {
  const found: Record<DeviceStatus, number> = { online: 0, offline: 0, pending: 0, blocked: 0 };
  // One that was just adopted is not missed yet.
  for (const device of named.value) if (standing(s, device) !== "connecting") found[device.status]++;
  return found;
});
const alarmed = part((s) => firingByDevice(s));

export function Overview({ route }: { route: OverviewRoute }) {
  const [adding, setAdding] = useState(false);
  const awaited = useFirst();
  useEvery(HUB_EVERY_MS, () => void (streams.value > 0 && needHub()), streams.value);
  if (!listed.value)
    return (
      <>
        <h1>Devices</h1>
        <p class="quiet" role="status">
          Loading…
        </p>
      </>
    );

  const pending = named.value.filter((device) => device.status === "pending");
  const settled = named.value.length - pending.length;
  const total = counts.value;
  const firingNow = named.value.filter((device) => alarmed.value.has(device.id)).length;

  return (
    <>
      <div class="head">
        <h1>Devices</h1>
        {named.value.length > 0 && may("admin") ? (
          <button type="button" class="button" aria-expanded={adding} onClick={() => setAdding(!adding)}>
            Add a device
          </button>
        ) : null}
      </div>
      {adding ? <AddDevice close={() => setAdding(false)} /> : null}
      {pending.length > 0 && (route.status === null || route.status === "pending") ? (
        <section class="stack" aria-labelledby="waiting">
          <h2 id="waiting">
            {pending.length === 1 ? "One device asks to join" : `${count(pending.length)} devices ask to join`}
          </h2>
          <div class={`pending ${settled > 0 && pending.length <= SLIM_MOST ? "slim" : ""}`}>
            {pending.slice(0, 12).map((device) => (
              <AdoptCard key={device.id} device={device} onAdopt={awaited} />
            ))}
          </div>
        </section>
      ) : null}
      {named.value.length === 0 ? <FirstDevice onCommand={awaited} /> : null}
      {settled > 0 ? (
        <section class="stack" aria-label="Device list">
          <div class="spread">
            <nav class="segments" aria-label="Filter by status">
              <Filter route={route} status={null} label="All" n={settled} />
              <Filter route={route} status="online" label="Online" n={total.online} />
              <Filter route={route} status="offline" label="Offline" n={total.offline} bad={total.offline > 0} />
              {firingNow > 0 || route.status === "firing" ? (
                <Filter route={route} status="firing" label="With alerts" n={firingNow} bad={firingNow > 0} />
              ) : null}
              {total.blocked > 0 ? <Filter route={route} status="blocked" label="Blocked" n={total.blocked} /> : null}
            </nav>
            <div class="search">
              <input
                id="search"
                class="input"
                type="search"
                aria-label="Search devices"
                aria-describedby="search-problem"
                placeholder="Name, site=south, temperature<15"
                value={route.q}
                spellcheck={false}
                autocomplete="off"
                onInput={(event) => go({ ...route, q: event.currentTarget.value }, "replace")}
                onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
              />
              {route.q === "" ? (
                // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing focuses a kbd.
                <kbd aria-hidden="true">/</kbd>
              ) : null}
            </div>
          </div>
          <Fleet route={route} />
        </section>
      ) : null}
    </>
  );
}

/**
 * The first device of all opens by itself, once it has something to show, for who asked for it:
 * by adopting it, or by creating a command for it. Returns what to call when that is done.
 */
function useFirst(): () => void {
  const isAwaited = useRef(false);
  const [only, ...others] = named.value;
  const shows =
    only?.status === "online" && others.length === 0 && Object.keys(state.value.latest[only.id] ?? {}).length > 0;
  useEffect(() => {
    if (shows && isAwaited.current) go(parse(`/d/${only.id}`, ""));
  }, [shows]);
  return () => {
    isAwaited.current ||= counts.peek().online + counts.peek().offline + counts.peek().blocked === 0;
  };
}

function Filter({
  route,
  status,
  label,
  n,
  bad = false,
}: {
  route: OverviewRoute;
  status: Shown | null;
  label: string;
  n: number;
  bad?: boolean;
}) {
  return (
    <a href={href({ ...route, status })} aria-current={route.status === status ? "true" : undefined}>
      {label} <span class={bad ? "bad" : "quiet"}>{count(n)}</span>
    </a>
  );
}

/** The devices that are asked for, in the order that is asked for. */
function Fleet({ route }: { route: OverviewRoute }) {
  const { q, sort } = route;
  const terms = parseFilter(q);
  const by = sort.replace(/^-/, "");
  const many = named.value.length > LIVE_DEVICES;
  useEvery(COLUMNS_EVERY_MS, () => void loadSensorSets(), streams.value);
  const everything = asksValues(terms) || by === "odd";
  const isByValue = !["name", "status", "seen"].includes(by);
  const columnOfGroups =
    route.group === "" ? undefined : columnsOf(sensorSets.value ?? [], columnsMost(), byImportance)[0];
  // More values than the stream carries are asked for only while those of every device count, and no others.
  const needed = everything ? [] : [...new Set([isByValue ? by : [], columnOfGroups ?? []].flat())];
  const needsAll = everything || needed.length > 0;
  const question = many && needsAll ? `all ${needed}` : "";
  const [answered, setAnswered] = useState("");
  useEvery(
    ORDER_EVERY_MS,
    () => {
      if (question) void loadLatest([], needed).then((came) => came && setAnswered(question));
    },
    `${question} ${streams.value}`,
  );

  const made = useRef({
    key: "",
    at: 0,
    ids: [] as string[],
    odd: new Map() as ReadonlyMap<string, Odd>,
    problem: null as string | null,
    why: null as string | null,
  });
  const { now, latest } = state.value;
  const isByValues = everything || isByValue;
  const isLooking =
    isByValues && (many ? answered !== question : Object.keys(latest).length === 0 && counts.peek().online > 0);
  const key = [
    favourites.value.size,
    isLooking,
    q,
    sort,
    route.status,
    named.value.length,
    alarmed.value.size,
    Object.keys(latest).length,
  ].join("\n");
  if (made.current.key !== key || Math.abs(now - made.current.at) >= ORDER_EVERY_MS) {
    const found = named.value.filter((device) => isShown(device, route) && matches(terms, device, latest[device.id]));
    const odd = by === "odd" ? oddities(found, latest) : new Map<string, Odd>();
    const ids = sorted(found, sort, {
      latest,
      alarms: alarmed.value,
      odd,
      seen: (device) => lastHeard(state.value, device),
      favourites: favourites.value,
    }).map(({ id }) => id);
    const problem = isLooking ? null : misunderstood(terms, named.value, latest);
    made.current = {
      key,
      at: now,
      ids,
      odd,
      problem,
      why: problem === null && ids.length === 0 && !isLooking ? whyNone(terms, named.value, latest) : null,
    };
  }
  const all = devices.value ?? {};
  const rows = made.current.ids.flatMap((id) => (all[id] ? [all[id]] : []));
  // What a search found is known, and so is a small fleet, which the hub may not have been asked about yet.
  const isKnown = q !== "" && rows.length <= FOUND_FEW && rows.every(({ id }) => latest[id]);
  const ofFleet = sensorSets.value ?? [];
  const sets = isKnown || (ofFleet.length === 0 && !many) ? setsOf(rows, latest) : ofFleet;
  const sensors = sensorsOf(sets, byImportance);
  // What is sorted or compared by is shown; a sensor of a few devices is in no set, but may be asked for.
  const asked = [
    ...(sensors.includes(by) || Object.values(latest).some((values) => values[by]) ? [by] : []),
    ...compared(terms, sensors),
  ];
  const columns = withAsked(columnsOf(sets, columnsMost(), byImportance), asked, columnsMost());
  const items = isLooking ? rows : itemsOf(rows, route, made.current.odd);
  return (
    <>
      {made.current.problem === null ? null : (
        <p class="problem search-problem" id="search-problem" role="status">
          {made.current.problem}
        </p>
      )}
      <Order route={route} sensors={sensors} found={rows.length} />
      {rows.length > 0 ? (
        <Rows
          items={items}
          total={rows.length}
          isFinal={!isLooking}
          asks={!many || (!everything && !isLooking && sensorSets.value !== null)}
          columns={columns}
          route={route}
          alarms={alarmed.value}
          odd={made.current.odd}
        />
      ) : (
        <p class="card empty quiet" role="status">
          {isLooking ? (
            "Looking at every value…"
          ) : (
            <>
              No device matches. {made.current.why} <a href={href(OVERVIEW)}>Show all</a>
            </>
          )}
        </p>
      )}
    </>
  );
}

/** What stands in the list: the devices, and the heads between them. */
function itemsOf(rows: readonly Device[], { sort, group }: OverviewRoute, odd: ReadonlyMap<string, Odd>): Item[] {
  if (group !== "") return grouped(rows, group).flatMap((one) => [{ group, ...one }, ...one.devices]);
  if (sort !== "odd") return [...rows];
  const { unlike, words, alike, silent } = cutAtOrdinary(rows, odd);
  const headed = (words: string, devices: readonly Device[]) =>
    devices.length === 0 ? [] : [{ words, devices }, ...devices];
  return [...unlike, ...headed(words, alike), ...headed("Not online: compared with nobody", silent)];
}

function isShown(device: Device, { status, q }: OverviewRoute): boolean {
  if (device.status === "pending") return false;
  if (status === "firing") return alarmed.value.has(device.id);
  // A blocked one is found by its name, and shown where there is nobody else.
  if (status === null)
    return device.status !== "blocked" || q !== "" || counts.value.online + counts.value.offline === 0;
  return device.status === status && (status !== "offline" || standing(state.value, device) !== "connecting");
}

/** Sorting and grouping for hands of every size; on a wide screen the heads of the columns sort as well. */
function Order({ route, sensors, found }: { route: OverviewRoute; sensors: readonly string[]; found: number }) {
  const by = route.sort.replace(/^-/, "");
  const down = route.sort.startsWith("-");
  const sorts: [string, string][] = [
    ["name", "Name"],
    ["status", "Status"],
    ["odd", "Unlike the others first"],
    ["seen", "Last seen"],
    ...sensors.map((sensor): [string, string] => [sensor, title(sensor)]),
  ];
  if (!sorts.some(([name]) => name === by)) sorts.push([by, title(by)]);
  const groups = groupings(named.value);
  return (
    <div class="row order">
      <label class="row small">
        <span class="wide">Sort by</span>
        <select
          class="input short"
          aria-label="Sort by"
          value={by}
          onChange={(event) => go({ ...route, sort: firstWay(event.currentTarget.value) })}
        >
          {sorts.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {by === "odd" ? null : (
        <button
          type="button"
          class="button"
          aria-label={down ? "Descending; switch to ascending" : "Ascending; switch to descending"}
          title={down ? "Largest first" : "Smallest first"}
          onClick={() => go({ ...route, sort: down ? by : `-${by}` }, "replace")}
        >
          {down ? "↓" : "↑"}
        </button>
      )}
      <label class="row small">
        <span class="wide">Group by</span>
        <select
          class="input short"
          aria-label="Group by"
          value={route.group}
          onChange={(event) => go({ ...route, group: event.currentTarget.value })}
        >
          <option value="">No groups</option>
          {groups.map((name) => (
            <option key={name} value={name}>
              {clean(name, 24)}
            </option>
          ))}
        </select>
      </label>
      {route.q === "" ? null : (
        <span class="small quiet" role="status">
          {many(found, "device")}
        </span>
      )}
    </div>
  );
}
