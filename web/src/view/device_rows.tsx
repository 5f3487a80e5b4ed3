// The rows of the device list. Only those on the screen exist as elements,
// so ten thousand devices cost as much as forty.

import { useEffect, useRef, useState } from "preact/hooks";
import { go, part, serverNow, state } from "../app";
import { toggled } from "../filter";
import { byRecency, firstWay, isOdd, ownOf, type Odd, type Values } from "../fleet";
import { favourites } from "../favourites";
import { ago, apart, clean, cleanName, commonDecimals, count, many, measured, type Decimals } from "../format";
import { hint, title } from "../names";
import { byImportance } from "../rank";
import { DEFAULT_RANGE, href, type Route } from "../route";
import { staleAfter } from "../series";
import { alertsText, standing } from "../standing";
import { lastHeard } from "../state";
import type { Alert, Device, Series } from "../types";
import { Name, Quantity, Status } from "./controls";
import { failingSources } from "./ledger";
import { SPARK_EVERY_MS, SPARK_MS, useLiveValues } from "./row_values";
import { Spark, sparkScale, type SparkScale } from "./spark";

type OverviewRoute = Extract<Route, { view: "overview" }>;

/** A device, the head of a group, or where those begin that are like the others. */
export type Item =
  | Device
  | { words: string; devices: readonly Device[] }
  | { group: string; value: string | null; devices: readonly Device[] };

/** Sensors named in the row of a device that has none of the columns. */
const OTHERS_NAMED = 3;
/** On a phone each row has a line of its own with so many values, their names below them. */
const OWN_SHOWN = 3;
const isPhone = () => matchMedia("(max-width: 720px)").matches;
/** The head of a column has two lines. Of a name that is longer than these by little, its end is what is left out. */
const [HEAD_MOST, HEAD_FROM] = [28, 40];
/** Rows kept above and below the screen, so that a quick scroll shows no hole. */
const OVERSCAN = 6;

const latest = part((s) => s.latest);

/** Past the last row that is kept as an element. */
const endOf = (first: number, height: number) => first + Math.ceil(innerHeight / height) + 2 * OVERSCAN;

interface RowsProps {
  items: readonly Item[];
  total: number;
  /** Whether these are the rows that were asked for, in their order. */
  isFinal: boolean;
  /** Whether the rows ask for their values themselves. */
  asks: boolean;
  columns: readonly string[];
  route: OverviewRoute;
  alarms: ReadonlyMap<string, readonly Alert[]>;
  odd: ReadonlyMap<string, Odd>;
}

export function Rows({ items, total, isFinal, asks, columns, route, alarms, odd }: RowsProps) {
  const list = useRef<HTMLUListElement>(null);
  const [{ first, end, height }, setRange] = useState({ first: 0, end: endOf(0, 60), height: 60 });
  useEffect(() => {
    const measure = () => {
      if (!list.current) return;
      const row = list.current.querySelector(".device")?.getBoundingClientRect().height || 60;
      const above = Math.max(0, -list.current.getBoundingClientRect().top);
      const from = Math.max(0, Math.floor(above / row) - OVERSCAN);
      const to = endOf(from, row);
      setRange((before) =>
        before.first === from && before.end === to && before.height === row
          ? before
          : { first: from, end: to, height: row },
      );
    };
    measure();
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, [items.length]);

  const visible = items.slice(first, end);
  const shown = visible.filter((item): item is Device => "id" in item);
  // The sparkline shows the sensor that the list is sorted by, else the one that most rows measured lately.
  const by = route.sort.replace(/^-/, "");
  const worth = columns.includes(by)
    ? [by]
    : byRecency(shown, latest.value, columns, Math.floor(serverNow() / SPARK_EVERY_MS) * SPARK_EVERY_MS - SPARK_MS);
  const { drawn = worth[0], sparks } = useLiveValues({
    visible: shown,
    total,
    asks,
    isFinal,
    columns,
    least: isPhone() ? OWN_SHOWN : 1,
    worth,
  });
  const scale = sparkScale(Object.values(sparks));
  // What sets a device apart stands out among its values, so it is one of them.
  const told = (odd: Odd | undefined) => (isOdd(odd) ? [...new Set([odd.sensor, ...columns])] : columns);
  const own = isPhone()
    ? Object.fromEntries(
        shown.map(({ id }) => [id, ownOf(latest.value[id], told(odd.get(id)), OWN_SHOWN, byImportance)]),
      )
    : null;
  const decimals = decimalsOf(shown, own ? [...new Set(Object.values(own).flat())] : columns);
  return (
    <div class="card list">
      <Heads route={route} columns={columns} drawn={drawn} scale={scale} sparks={sparks} />
      <ul
        ref={list}
        style={{ paddingTop: `${first * height}px`, paddingBottom: `${Math.max(0, items.length - end) * height}px` }}
      >
        {visible.map((item) =>
          "id" in item ? (
            <DeviceRow
              key={item.id}
              device={item}
              values={latest.value[item.id]}
              spark={sparks[item.id]}
              scale={scale}
              decimals={decimals}
              columns={own?.[item.id] ?? columns}
              route={route}
              alerts={alarms.get(item.id)}
              odd={odd.get(item.id)}
            />
          ) : "words" in item ? (
            <li class="device group-head" key={item.words}>
              <h2>{item.words}</h2>
              <span class="small quiet">{many(item.devices.length, "device")}</span>
            </li>
          ) : (
            <GroupRow key={`group ${item.value}`} {...item} column={columns[0]} />
          ),
        )}
      </ul>
    </div>
  );
}

function Heads({
  route,
  columns,
  drawn,
  scale,
  sparks,
}: {
  route: OverviewRoute;
  columns: readonly string[];
  drawn: string | undefined;
  scale: SparkScale | null;
  sparks: Record<string, Series>;
}) {
  const unit = Object.values(sparks)[0]?.unit ?? "";
  const sort = (by: string, label: string, tip = "") => {
    const now = route.sort === by ? "ascending" : route.sort === `-${by}` ? "descending" : "none";
    const next = now === "none" ? firstWay(by) : now === "ascending" ? `-${by}` : by;
    return (
      <button
        type="button"
        class="sort"
        key={by}
        title={tip || `Sort by ${label}`}
        aria-label={`Sort by ${label}${now === "none" ? "" : `, now ${now}`}`}
        aria-pressed={now !== "none"}
        onClick={() => go({ ...route, sort: next }, "replace")}
      >
        {label.length > HEAD_FROM ? <span class="long">{cleanName(label, HEAD_MOST)}</span> : <span>{label}</span>}
        {now === "none" ? null : <i aria-hidden="true">{now === "ascending" ? "▲" : "▼"}</i>}
      </button>
    );
  };
  return (
    <div class="list-head">
      <span>{sort("name", "Name")}</span>
      <span>{sort("status", "Status")}</span>
      <span class="values">{columns.map((sensor) => sort(sensor, title(sensor), hint(sensor)))}</span>
      <span
        class="spark-head"
        title={tips([drawn && hint(drawn), scale && `All on one scale, ${extent(scale.min, scale.max, unit)}`])}
      >
        {drawn ? (
          <>
            <span>
              <Name of={`${title(drawn)},`} />
            </span>{" "}
            10 min
          </>
        ) : null}
      </span>
      <span>{sort("seen", "Last seen")}</span>
    </div>
  );
}

const tips = (lines: readonly (string | null | undefined)[]) => lines.filter(Boolean).join("\n") || undefined;

interface RowProps {
  device: Device;
  values: Values | undefined;
  spark: Series | undefined;
  scale: SparkScale | null;
  decimals: Readonly<Record<string, Decimals>>;
  columns: readonly string[];
  route: OverviewRoute;
  alerts: readonly Alert[] | undefined;
  odd: Odd | undefined;
}

function DeviceRow({ device, values, spark, scale, decimals, columns, route, alerts, odd }: RowProps) {
  const now = state.value.now;
  const heard = lastHeard(state.value, device);
  const stands = standing(state.value, device);
  // Of one that says nothing of its interval only the hub knows whether it is late.
  const stale =
    stands !== "online" ||
    (device.interval_ms !== null && heard !== null && now - heard > staleAfter(device.interval_ms));
  return (
    <li class={`device ${stale ? "stale" : ""}`}>
      <span class="who">
        <a
          class={`name ${favourites.value.has(device.id) ? "favourite" : ""}`}
          title={clean(device.name)}
          href={href({ view: "device", id: device.id, sensors: [], range: DEFAULT_RANGE })}
        >
          <Name of={clean(device.name)} />
        </a>
        {isOdd(odd) ? (
          <Why odd={odd} now={values?.[odd.sensor]?.value ?? odd.value} />
        ) : (
          <Labels device={device} route={route} />
        )}
      </span>
      <span>
        <Status of={stands} />
        {alerts ? (
          <span class={`alarm ${alerts.some((alert) => alert.acked_at === null) ? "" : "acked"}`}>
            {alertsText(alerts)}
          </span>
        ) : null}
        {failingSources(device) !== "" && stands === "online" ? (
          <span class="failing">{failingSources(device)}</span>
        ) : null}
      </span>
      <span class="values">
        {columns.some((sensor) => values?.[sensor]) ? (
          columns.map((sensor) => (
            <span
              class={`value column ${isOdd(odd) && odd.sensor === sensor ? "odd" : ""}`}
              key={sensor}
              title={hint(sensor)}
            >
              {values?.[sensor] ? (
                <>
                  <b>
                    <Quantity value={values[sensor].value} unit={values[sensor].unit} decimals={decimals[sensor]} />
                  </b>
                  <span>
                    <Name of={title(sensor)} />
                  </span>
                </>
              ) : null}
            </span>
          ))
        ) : (
          <Others values={values} />
        )}
      </span>
      <Spark series={spark} scale={scale} from={serverNow() - SPARK_MS} to={serverNow()} />
      <span class="seen">{ago(heard, now)}</span>
    </li>
  );
}

/** A device that measures none of the columns: a value stands under its own name or not at all. */
function Others({ values }: { values: Values | undefined }) {
  const others = Object.values(values ?? {})
    .sort(byImportance)
    .map(({ sensor, value, unit }) => `${title(sensor)} ${measured(value, unit)}`);
  if (others.length === 0) return null;
  return (
    <span class="others" title={others.slice(0, 40).join(" · ")}>
      {others.length > OTHERS_NAMED ? `${count(others.length)} sensors: ` : ""}
      {others.slice(0, OTHERS_NAMED).join(" · ")}
      {/* Never alone on a line of its own. */}
      {others.length > OTHERS_NAMED ? "\u00a0…" : ""}
    </span>
  );
}

/** What sets it apart, in a line. */
function Why({ odd, now }: { odd: Odd; now: number }) {
  const decimals = apart([now, odd.usual], odd.unit);
  return (
    <span class="why">
      <span class="wide">
        {title(odd.sensor)} {measured(now, odd.unit, decimals)},{" "}
      </span>
      others about {measured(odd.usual, odd.unit, decimals)}
    </span>
  );
}

/** Each label leads to the devices that share it. */
function Labels({ device, route }: { device: Device; route: OverviewRoute }) {
  const labels = Object.entries(device.labels);
  if (labels.length === 0) return <span class="labels">{clean(device.model ?? "")}</span>;
  return (
    <span class="labels">
      {labels.map(([key, value]) => {
        const term = `${key}=${value}`;
        // A label with a space in it cannot be written as one word.
        return /\s/.test(term) || value === "" ? (
          <span key={key}>{clean(term)} </span>
        ) : (
          <a key={key} href={href({ ...route, q: toggled(route.q, term) })}>
            {clean(term)}
          </a>
        );
      })}
    </span>
  );
}

function GroupRow({
  group,
  value,
  devices,
  column,
}: {
  group: string;
  value: string | null;
  devices: readonly Device[];
  column: string | undefined;
}) {
  const offline = devices.filter((device) => device.status === "offline").length;
  const values = column ? devices.flatMap(({ id }) => latest.value[id]?.[column] ?? []) : [];
  const unit = values[0]?.unit ?? "";
  const all = values.map((one) => one.value);
  return (
    <li class="device group-head">
      <h2>
        {value === null
          ? `without ${clean(group, 24)}`
          : group === "status"
            ? clean(value)
            : `${clean(group, 24)}=${clean(value)}`}
      </h2>
      <span class="small quiet">
        {many(devices.length, "device")}
        {offline > 0 ? <span class="bad-text">, {count(offline)} offline</span> : null}
        {all.length > 1 ? `, ${title(column!)} ${extent(Math.min(...all), Math.max(...all), unit)}` : null}
      </span>
    </li>
  );
}

/** A column of numbers has the same decimals in every row, so that none changes its width while it lives. */
function decimalsOf(rows: readonly Device[], columns: readonly string[]): Record<string, Decimals> {
  return Object.fromEntries(
    columns.map((sensor) => {
      const values = rows.flatMap(({ id }) => latest.value[id]?.[sensor] ?? []);
      return [
        sensor,
        commonDecimals(
          values.map(({ value }) => value),
          values[0]?.unit ?? "",
        ),
      ];
    }),
  );
}

/** From the least to the most. */
function extent(least: number, most: number, unit: string): string {
  const decimals = apart([least, most], unit);
  return `${measured(least, unit, decimals)} to ${measured(most, unit, decimals)}`;
}
