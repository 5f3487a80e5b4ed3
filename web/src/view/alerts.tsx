// What is wrong, what was wrong, and the rules that say so. The timeline is live; nothing here needs a reload.

import { pathTo } from "../base";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { endSilence, removeRule, saveRule } from "../actions/alerts";
import { say, reason } from "../actions/answer";
import { LIVE_DEVICES, loadHub, loadLatest, loadRules, loadSilences, loadWebhooks } from "../actions/loading";
import { go, part, state } from "../app";
import { KNOWN, OF_DEVICE } from "../condition";
import { clean, NAME_LIMIT, when } from "../format";
import type { Route } from "../route";
import { sentence, unitOf, unitsOfParts, waitsFor, watchesNothing } from "../rule";
import { covered } from "../silence";
import { tellsNobody } from "../story";
import type { Alert, Rule, Silence } from "../types";
import { weeklyText } from "../weekly";
import { AlertList, chosenTag, hasChosenTag, isOver, linesOf } from "./alert_entries";
import { Confirmed } from "./controls";
import { Lack, may, Only } from "./may";
import { PastAlerts } from "./past_alerts";
import { RuleForm } from "./rule_form";
import { RuleNote } from "./rule_note";
import { SilenceForm } from "./silence_form";

type AlertsRoute = Extract<Route, { view: "alerts" }>;

/** How often a rule that cannot judge yet is looked at again. */
const WAITING_MS = 10_000;
/** And for a unit that nothing has told yet. */
const UNIT_MS = 5_000;
const alerts = part((s) => s.alerts);
const rules = part((s) => s.rules);
const silences = part((s) => s.silences);
const webhooks = part((s) => s.webhooks);
const isFleet = part((s) => Object.keys(s.devices ?? {}).length > LIVE_DEVICES);
/** What fires comes first, what may still fire next. */
const LATER: readonly Alert["state"][] = ["firing", "unknown", "pending"];
const ORDER = { critical: 0, warning: 1, info: 2 };

const active = part(() =>
  Object.values(alerts.value ?? {})
    .filter((alert) => !isOver(alert) && hasChosenTag(alert))
    .sort(
      (a, b) =>
        LATER.indexOf(a.state) - LATER.indexOf(b.state) ||
        ORDER[a.severity] - ORDER[b.severity] ||
        Date.parse(b.started_at) - Date.parse(a.started_at),
    ),
);
export function Alerts({ route }: { route: AlertsRoute }) {
  useEffect(() => {
    void loadRules();
    void loadSilences();
    void loadWebhooks();
    void loadHub();
  }, []);
  useEffect(() => {
    // In a large fleet only devices on the screen are known, and the unit of a rule may come from any device.
    if (isFleet.value) void loadLatest([]);
  }, [isFleet.value]);
  // What a rule still waits for changes without anybody changing the rule.
  const waits = (rules.value ?? []).some((rule) => rule.enabled && waitsFor(rule) !== null);
  useEffect(() => {
    if (!waits) return;
    const again = setInterval(() => void loadRules(), WAITING_MS);
    return () => clearInterval(again);
  }, [waits]);
  const idle = useIdle();
  const [silencing, setSilencing] = useState(false);
  const close = (saved: string | null) => {
    go({ view: "alerts", rule: null, device: "", sensor: "" });
    // Once the list shows it; else the next Tab would begin at the top.
    const to = saved ? `[data-rule="${CSS.escape(saved)}"]` : 'a[href$="/a?rule=new"]';
    const show = () => {
      const found = document.querySelector<HTMLElement>(to);
      found?.focus({ preventScroll: true });
      found?.scrollIntoView({ block: saved ? "center" : "nearest" });
    };
    requestAnimationFrame(() => requestAnimationFrame(show));
  };
  const asked = route.rule === null || route.rule === "new" ? null : route.rule;
  const named = rules.value?.find((rule) => rule.id === asked) ?? null;
  const isFixed = named !== null && (named.source !== null || !KNOWN.has(named.condition.type));
  const edited = isFixed ? null : named;
  const editing = may("operate") && (route.rule === "new" || edited !== null);
  const noted = asked !== null && rules.value !== null && (named === null || isFixed);
  return (
    <>
      <div class="head">
        <h1>Alerts</h1>
        <Only may="operate">
          <div class="row">
            <button type="button" class="button" aria-expanded={silencing} onClick={() => setSilencing(!silencing)}>
              New silence
            </button>
            <a class="button primary" href={pathTo("/a?rule=new")}>
              New rule
            </a>
          </div>
        </Only>
      </div>
      <Lack of="operate" />
      {silencing ? <SilenceForm done={() => setSilencing(false)} /> : null}
      {editing ? (
        <RuleForm key={route.rule} rule={edited} device={route.device} sensor={route.sensor} done={close} />
      ) : null}
      {noted ? <RuleNote id={asked} rule={named} /> : null}
      <div class="columns">
        <section class="stack" aria-label="Timeline">
          <div class="card entries">
            <div class="card-head">
              <h2>Active</h2>
              {active.value.length > 0 ? <span class="small quiet">{active.value.length}</span> : null}
              {chosenTag.value === null ? null : (
                <button
                  type="button"
                  class="button small"
                  onClick={() => {
                    chosenTag.value = null;
                  }}
                >
                  Only {clean(chosenTag.value)}: show all
                </button>
              )}
            </div>
            {alerts.value === null ? (
              <p class="empty quiet">Loading…</p>
            ) : active.value.length === 0 && chosenTag.value !== null ? (
              <p class="empty quiet">None of them has this tag.</p>
            ) : active.value.length === 0 ? (
              <AllWell idle={idle.size} />
            ) : (
              <AlertList lines={linesOf(active.value)} />
            )}
          </div>
          <PastAlerts />
        </section>
        <div class="stack">
          <div class="card entries" aria-labelledby="rules" role="region">
            <div class="card-head">
              <h2 id="rules">Rules</h2>
            </div>
            {rules.value === null ? (
              <p class="empty quiet">Loading…</p>
            ) : rules.value.length === 0 ? (
              <div class="empty">
                <p>
                  No rules yet. A rule watches a sensor on one device or on all, and fires when its value crosses a
                  limit, changes too fast, is unusual, or stops arriving.
                </p>
                <Only may="operate">
                  <a class="button" href={pathTo("/a?rule=new")}>
                    Create the first rule
                  </a>
                </Only>
              </div>
            ) : (
              <ul class="entries tall">
                {rules.value.map((rule) => (
                  <RuleEntry key={rule.id} rule={rule} isIdle={idle.has(rule.id)} />
                ))}
              </ul>
            )}
          </div>
          <Silences />
        </div>
      </div>
    </>
  );
}

/** Rules that are on and match nothing there is: they watch nothing. */
function useIdle(): ReadonlySet<string> {
  const { devices, latest, listed, now } = state.value;
  const known = Object.keys(latest).length;
  return useMemo(() => {
    if (!listed) return new Set<string>();
    const all = Object.values(devices ?? {}).filter(({ status }) => status === "online" || status === "offline");
    const on = (rules.value ?? []).filter((rule) => rule.enabled);
    return new Set(on.filter((rule) => watchesNothing(rule, all, latest)).map(({ id }) => id));
    // New sensors come while nobody touches a rule.
  }, [rules.value, listed, known, Math.floor(now / UNIT_MS)]);
}

function AllWell({ idle }: { idle: number }) {
  const watching = (rules.value ?? []).filter((rule) => rule.enabled).length - idle;
  return (
    <p class="empty quiet">
      Nothing is firing.{" "}
      {watching === 0
        ? "No rule is watching."
        : watching === 1
          ? "One rule is watching."
          : `${watching} rules are watching.`}
      {idle === 0 ? null : ` ${idle === 1 ? "One more matches" : `${idle} more match`} no sensor yet.`}
    </p>
  );
}

/** Silences that hold or are planned; nothing while there are none. */
function Silences() {
  const { now } = state.value;
  const held = (silences.value ?? []).filter((one) => Date.parse(one.until) > now);
  if (held.length === 0) return null;
  return (
    <div class="card entries" role="region" aria-labelledby="silences">
      <div class="card-head">
        <h2 id="silences">Silences</h2>
      </div>
      <ul class="entries">
        {held.map((one) => (
          <SilenceEntry key={one.id} of={one} now={now} />
        ))}
      </ul>
    </div>
  );
}

function SilenceEntry({ of, now }: { of: Silence; now: number }) {
  const rule = of.rule === null ? "Every rule" : clean(rules.value?.find((one) => one.id === of.rule)?.name ?? of.rule);
  const device = state.value.devices?.[of.device]?.name ?? of.device;
  return (
    <li>
      <div class="what">
        <div class="entry-line">
          <strong>{rule}</strong>
          {Date.parse(of.from) > now ? <span class="chip">from {when(Date.parse(of.from), now)}</span> : null}
        </div>
        <span class="small quiet">
          {covered(of, device)}, {of.weekly ? `${weeklyText(of.weekly)}, ` : ""}until {when(Date.parse(of.until), now)}
          {of.comment ? `: ${clean(of.comment, 120)}` : ""}
        </span>
      </div>
      <Only may="operate">
        <button
          type="button"
          class="button plain"
          aria-label={`End the silence of ${rule}`}
          onClick={() => void endSilence(of.id)}
        >
          End
        </button>
      </Only>
    </li>
  );
}

function RuleEntry({ rule, isIdle }: { rule: Rule; isIdle: boolean }) {
  const { devices, latest, now } = state.value;
  const known = Object.keys(latest).length;
  const found = useRef("");
  // Units do not change while readings come; one that is not known yet is looked for again.
  found.current = useMemo(
    () => unitOf(rule, Object.values(devices ?? {}), latest),
    [rule, known, found.current === "" ? Math.floor(now / UNIT_MS) : 0],
  );
  const unit = found.current;
  const units = useMemo(
    () => unitsOfParts(rule, Object.values(devices ?? {}), latest),
    [rule, known, Math.floor(now / UNIT_MS)],
  );
  const name = clean(rule.name);
  const {
    id,
    version: _version,
    needs: _needs,
    missing: _missing,
    watches: _watches,
    message_problem,
    made_by,
    source,
    created_at: _created,
    updated_at: _updated,
    ...draft
  } = rule;
  const waits = rule.enabled ? waitsFor(rule) : null;
  const flip = () =>
    saveRule(id, { ...draft, enabled: !rule.enabled }).catch((error: unknown) => say(reason(error), "error"));
  return (
    <li data-rule={id} tabIndex={-1}>
      <div class="what">
        <div class="entry-line">
          <strong>{name}</strong>
          <span class="chip">{rule.severity}</span>
          {rule.enabled ? null : <span class="chip">off</span>}
          {made_by === "hub" ? <span class="chip">made by the hub</span> : null}
          {Object.entries(rule.tags).map(([key, value]) => (
            <span class="chip" key={key}>
              {clean(`${key}:${value}`)}
            </span>
          ))}
        </div>
        <span class="small quiet" title={clean(rule.sensor, NAME_LIMIT)}>
          {sentence(rule, unit, (sensor) => units.get(sensor) ?? "")}
        </span>
        {isIdle ? (
          <span class="small warn-text">
            No {OF_DEVICE.has(rule.condition.type) ? "device" : "sensor"} matches yet. The rule starts when one does.
          </span>
        ) : waits ? (
          <span class="small">{waits}</span>
        ) : null}
        {message_problem ? (
          <span class="small warn-text">
            Told in the hub's own words: of its message, {clean(message_problem, 300)}
          </span>
        ) : null}
        {rule.enabled && webhooks.value !== null && tellsNobody(rule, webhooks.value) ? (
          // While there is no webhook at all it is so of every rule, and no slip.
          <span class={`small ${webhooks.value.length > 0 ? "warn-text" : "quiet"}`}>Notifies nobody.</span>
        ) : null}
        {source ? (
          <span class="small quiet of-file" title={clean(source.file, 500)}>
            From {clean(fileName(source.file))}, line {source.line}: change it there, then <code>rules apply</code>
          </span>
        ) : null}
      </div>
      <Only may="operate">
        <div class="row">
          {source === null && KNOWN.has(rule.condition.type) ? (
            <a class="button plain" href={pathTo(`/a?rule=${encodeURIComponent(id)}`)} aria-label={`Edit ${name}`}>
              Edit
            </a>
          ) : null}
          <button
            type="button"
            class="button plain"
            aria-label={`Turn ${rule.enabled ? "off" : "on"} ${name}`}
            onClick={() => void flip()}
          >
            {rule.enabled ? "Turn off" : "Turn on"}
          </button>
          {source === null ? (
            <Confirmed label="Delete" sure="Really delete" name={name} onConfirm={() => void removeRule(id)} />
          ) : null}
        </div>
      </Only>
    </li>
  );
}

/** A file without its folders, which are in the title. */
const fileName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
