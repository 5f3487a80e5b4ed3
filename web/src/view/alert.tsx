// One alert: its readings as a chart, what happened to it, and why it fired, in plain words.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { loadLatest } from "../actions/loading";
import { pathTo } from "../base";
import { part } from "../app";
import { isOfDevice, ruleName } from "../alert";
import { clean, count, duration, many, measured, millis, when } from "../format";
import { hint, title } from "../names";
import { href, type Route } from "../route";
import { reading, sentence } from "../rule";
import type { AlertDetail } from "../types";
import { AlertChart } from "./alert_chart";
import { AlertActions, isOver, Tags } from "./alert_entries";
import { Story } from "./alert_story";
import { Status } from "./controls";
import { may } from "./may";
import "./alert.css";

type AlertRoute = Extract<Route, { view: "alert" }>;

/** While something is under way the hub is asked again this often. */
const AGAIN_MS = 5_000;
/** What was known so late was not known when it happened. */
const LATE_S = 60;
/** A clock that is off by less is right. */
const CLOCK_OFF_MS = 2_000;
/** What is asked of a rule that is younger than the days in which its firings are counted. */
const DAY_MS = 86_400_000;

const clock = part((s) => s.now);
const alerts = part((s) => s.alerts);
const latest = part((s) => s.latest);
const rules = part((s) => s.rules);

export function AlertView({ route }: { route: AlertRoute }) {
  const [found, problem] = useDetail(route.id);
  if (problem !== null)
    return (
      <section class="card empty" role="alert">
        <h1>This alert is not here</h1>
        <p>{problem}</p>
        <a class="button" href={pathTo("/a")}>
          All alerts
        </a>
      </section>
    );
  if (found === null)
    return (
      <p class="quiet" role="status">
        Loading…
      </p>
    );
  return <Detail of={found} />;
}

/** The alert as the hub explains it: asked anew when it changes, and while a message is under way. */
function useDetail(id: string): [AlertDetail | null, string | null] {
  const [found, setFound] = useState<AlertDetail | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const news = alerts.value?.[id];
  const waits =
    found !== null && (!isOver(found) || found.story.some((one) => one.what === "told" && one.state === "pending"));
  useEffect(() => {
    let current = true;
    const ask = () =>
      api.alerts.one(id).then(
        (detail) => {
          if (!current) return;
          setFound(detail);
          setProblem(null);
        },
        (error: unknown) => {
          // What is shown stays while the hub is away.
          if (current && error instanceof api.Refused && error.status === 404) setProblem(error.message);
        },
      );
    void ask();
    const again = waits ? setInterval(() => void ask(), AGAIN_MS) : undefined;
    return () => {
      current = false;
      clearInterval(again);
    };
  }, [id, news?.learned_at, news?.acked_at, waits]);
  return [found?.id === id ? found : null, problem];
}

function Detail({ of }: { of: AlertDetail }) {
  const now = clock.value;
  const name = clean(ruleName(of));
  const whole = isOfDevice(of);
  const began = Date.parse(of.started_at);
  const ended = millis(of.resolved_at);
  const isSeries = of.device !== "" && !whole;
  return (
    <>
      <div class="head">
        <div class="what">
          <p class="small">
            <a href={pathTo("/a")}>Alerts</a>
          </p>
          <h1>
            {name} {of.device === "" ? "" : `on ${clean(of.device_name)}`}
          </h1>
          <div class="entry-line">
            <Status of={of.state} />
            <span class={`chip ${of.severity === "critical" && !isOver(of) ? "bad" : ""}`}>{of.severity}</span>
            <Tags of={of} />
            {isSeries ? (
              <a
                href={href({
                  view: "device",
                  id: of.device,
                  sensors: [of.sensor],
                  range: { from: String(Date.parse(of.chart_from)), to: String(Date.parse(of.chart_to)) },
                })}
                title={hint(of.sensor)}
              >
                {title(of.sensor)}
              </a>
            ) : null}
            <span>{reading(of, of.rule_then?.condition ?? null)}</span>
            <span class="quiet">
              {ended === null
                ? `since ${when(began, now)}, ${duration(now - began)}`
                : `${when(began, now)}, lasted ${duration(ended - began)}`}
            </span>
          </div>
        </div>
        <AlertActions alert={of} />
      </div>
      <div class="columns">
        <div class="stack">
          {isSeries ? <AlertChart of={of} /> : null}
          <Story of={of} />
        </div>
        <div class="stack">
          <Why of={of} />
          <Beside of={of} />
        </div>
      </div>
    </>
  );
}

/** The facts, a line each. */
function Why({ of }: { of: AlertDetail }) {
  const rule = of.rule_then;
  const device = of.device_then;
  const now = clock.value;
  const tried = useTried(of);
  const elsewhere = of.fired.anywhere - of.fired.here;
  // The alert's unit is that of what it measured: deviations, or degrees a minute. Limits are of the sensor.
  useEffect(() => void (of.device === "" ? null : loadLatest([of.device], [])), [of.device]);
  const isOfFile = rules.value?.some(({ id, source }) => id === of.rule.id && source !== null);
  const unitAt = (sensor: string) => latest.value[of.device]?.[sensor]?.unit;
  const unit = of.counting?.unit ?? unitAt(of.sensor) ?? (of.measure === "sigmas" ? "" : of.unit);
  return (
    <section class="card" aria-labelledby="why">
      <h2 id="why">Why it fired</h2>
      <dl class="facts">
        <dt>Rule</dt>
        <dd>
          {rule ? (
            <>
              <p>{sentence({ ...rule, labels: {} }, unit, (sensor) => unitAt(sensor) ?? "")}</p>
              <p class="small quiet">
                Version {rule.version}, since {when(Date.parse(rule.since), now)}.{" "}
                {rule.is_current ? "" : "It has been changed or deleted since. "}
                {may("operate") && rule.is_current ? (
                  <a href={pathTo(`/a?rule=${of.rule.id}`)}>{isOfFile ? "See the rule" : "Edit the rule"}</a>
                ) : null}
              </p>
            </>
          ) : of.rule.name.startsWith("hub.") ? (
            <p>The hub's own.</p>
          ) : (
            <p class="quiet">What it said then was not kept.</p>
          )}
        </dd>
        <dt>How often</dt>
        <dd>
          <p>
            This rule fired {times(of.fired.here)} here in the {of.fired.days} days up to then
            {elsewhere > 0 ? `, and ${times(elsewhere)} elsewhere` : ""}.
          </p>
          {tried ? <p class="small quiet">{tried}</p> : null}
        </dd>
        {of.device === "" ? null : (
          <>
            <dt>The device then</dt>
            <dd>
              {device ? (
                <DeviceThen of={device} at={Date.parse(of.fired_at ?? of.started_at)} />
              ) : (
                <p class="quiet">Was not kept.</p>
              )}
            </dd>
          </>
        )}
        {of.late_s !== null && of.late_s !== undefined && of.late_s > LATE_S ? (
          <>
            <dt>Late</dt>
            <dd>
              <p>The hub learned of it {duration(of.late_s * 1_000)} after it had fired: the readings came late.</p>
            </dd>
          </>
        ) : null}
      </dl>
    </section>
  );
}

function DeviceThen({ of, at }: { of: NonNullable<AlertDetail["device_then"]>; at: number }) {
  const heard = millis(of.last_heard_at);
  const off = of.clock_offset_ms ?? 0;
  const [taken, lost] = [of.taken ?? 0, of.lost ?? 0];
  return (
    <>
      <p>
        {of.online ? "It was online" : "It was offline"}
        {heard === null
          ? ""
          : at - heard < 2_000
            ? ", heard at that moment"
            : `, last heard ${duration(at - heard)} before`}
        .
      </p>
      {taken === 0 && lost === 0 ? null : (
        <p>
          {of.agent_version === "" && lost === 0
            ? `${many(taken, "reading")} of it came in that hour and the one before. ` +
              "Whether others are missing cannot be known: it has no agent."
            : lost === 0
              ? `None of its ${count(taken)} readings of that hour and the one before is missing.`
              : `${count(lost)} of its ${count(taken)} readings of that hour and the one before were lost.`}
        </p>
      )}
      {Math.abs(off) >= CLOCK_OFF_MS ? (
        <p>
          Its clock was {duration(Math.abs(off))} {off > 0 ? "ahead" : "behind"}.
        </p>
      ) : null}
      {of.vitals.length > 0 ? (
        <p>{of.vitals.map((one) => `${title(one.sensor)} ${measured(one.value, one.unit)}`).join(", ")}.</p>
      ) : null}
      {of.agent_version === "" ? null : <p class="small quiet">Agent {clean(of.agent_version)}.</p>}
    </>
  );
}

const times = (number: number) => (number === 1 ? "once" : `${count(number)} times`);

/** What the version that fired would have done on the days before, where it is younger than they are. */
function useTried(of: AlertDetail): string | null {
  const [said, say] = useState<string | null>(null);
  const rule = of.rule_then;
  const fired = Date.parse(of.fired_at ?? of.started_at);
  const isYoung = rule !== null && rule !== undefined && fired - Date.parse(rule.since) < of.fired.days * DAY_MS;
  useEffect(() => {
    if (!isYoung || !rule || of.device === "" || isOfDevice(of)) return;
    let current = true;
    const draft = {
      device: of.device,
      sensor: of.sensor,
      labels: {},
      condition: rule.condition,
      for: rule.for,
      clear_for: rule.clear_for,
      severity: rule.severity,
      message: null,
      webhooks: [],
      all_webhooks: false,
      enabled: true,
    };
    api.rules.backtest(draft, null, { from: fired - of.fired.days * DAY_MS, to: fired }).then(
      (past) => {
        if (!current) return;
        const fires = past.fires === 0 ? "not have fired" : `have fired ${times(past.fires)}`;
        const since = when(Date.parse(rule.since), clock.value);
        say(
          `The rule has been like this since ${since}. Tried on the ${of.fired.days} days before, ` +
            `it would ${fires} here.`,
        );
      },
      // A condition that cannot be tried, or a hub that is busy: the count stands alone.
      () => {},
    );
    return () => {
      current = false;
    };
  }, [of.id, isYoung]);
  return said;
}

function Beside({ of }: { of: AlertDetail }) {
  const now = clock.value;
  return (
    <section class="card entries" aria-labelledby="beside">
      <div class="card-head">
        <h2 id="beside">Fired about then</h2>
        <span class="small quiet">within ten minutes</span>
      </div>
      {of.beside.length === 0 ? (
        <p class="empty quiet">Nothing else.</p>
      ) : (
        <ul class="entries tall">
          {of.beside.map((one) => (
            <li key={one.id}>
              <div class="what">
                <div class="entry-line">
                  <a href={href({ view: "alert", id: one.id })}>
                    <strong>{clean(ruleName(one))}</strong>
                  </a>
                  <span class="chip">{one.severity}</span>
                </div>
                <span class="small quiet">
                  {aboutOf(one)}
                  {one.fired_at ? `, ${when(Date.parse(one.fired_at), now)}` : ""}
                </span>
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** What another alert is about: a sensor, a device, several of them, or the hub. */
function aboutOf(one: AlertDetail["beside"][number]): string {
  if (one.device === "") return one.device_name === "hub" ? "The hub" : clean(one.device_name);
  return `${clean(one.device_name)}${isOfDevice(one) ? "" : ` ${title(one.sensor)}`}`;
}
