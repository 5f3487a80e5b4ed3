// Alerts that are over: many of one rule are one line, older ones come page by page, and a rule, a severity or a state
// can be asked for. The pages are asked for here; what ended since comes with the stream.

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { reason } from "../actions/answer";
import { part } from "../app";
import { ruleName } from "../alert";
import { clean, millis, when } from "../format";
import { countText, EVERY_PAST, isFiltered, matches, pastLines, pastQuery, ruleKey, type PastFilter } from "../past";
import type { Alert } from "../types";
import { AlertEntry, chosenTag, hasChosenTag, isOver } from "./alert_entries";
import { Status } from "./controls";

/** Lines shown at first, and with each click. */
const SHOWN = 12;
const MORE = 50;
/** So many pages are asked for unasked, where one rule fills them: the others are behind it. */
const UNASKED_PAGES = 5;

const alerts = part((s) => s.alerts);
const rules = part((s) => s.rules);
const clock = part((s) => s.now);
/** Alerts were loaded anew: what came before that the stream has not told. */
const loaded = part((s) => s.answered["alerts"]);

interface Pages {
  items: readonly Alert[];
  next: string | null;
  count: number;
}

export function PastAlerts() {
  const [filter, setFilter] = useState<PastFilter>(EVERY_PAST);
  const [shown, setShown] = useState(SHOWN);
  const tag = chosenTag.value;
  const { pages, problem, older } = usePages(filter, tag);
  const choose = (change: Partial<PastFilter>) => {
    setFilter({ ...filter, ...change });
    setShown(SHOWN);
  };
  const known = alerts.value ?? {};
  const paged = (pages?.items ?? []).filter(({ id }) => known[id] === undefined);
  // In the order in which the hub learned of it: what came late stands where a person looks for news.
  const all = [
    ...Object.values(known).filter((one) => isOver(one) && hasChosenTag(one) && matches(filter, one)),
    ...paged,
  ].sort(
    (a, b) =>
      Date.parse(b.learned_at) - Date.parse(a.learned_at) || Date.parse(b.started_at) - Date.parse(a.started_at),
  );
  const lines = pastLines(all, filter);
  const more = pages?.next != null;
  const isShort = pages !== null && more && lines.length < SHOWN && pages.count < UNASKED_PAGES;
  useEffect(() => {
    if (isShort) older();
  }, [isShort, pages?.count]);
  if (all.length === 0 && !isFiltered(filter) && !more) return null;
  const hidden = Math.max(0, lines.length - shown);
  return (
    <section class="card entries" aria-labelledby="past">
      <div class="card-head">
        <h2 id="past">Past</h2>
        {all.length > 0 ? <span class="small quiet">{countText(all.length, more)}</span> : null}
      </div>
      <Choice filter={filter} choose={choose} all={all} />
      {all.length > 0 ? (
        <ul class="entries">
          {lines
            .slice(0, shown)
            .map((line) =>
              "id" in line ? (
                <AlertEntry key={line.id} alert={line} />
              ) : (
                <RuleLine key={`of ${ruleKey(line[0]!)}`} alerts={line} more={more} choose={choose} />
              ),
            )}
        </ul>
      ) : (
        <p class="empty quiet">{problem ?? (pages === null ? "Loading…" : "None of that kind is kept.")}</p>
      )}
      {problem !== null && all.length > 0 ? (
        <p class="problem" role="alert">
          {problem}
        </p>
      ) : null}
      {hidden > 0 || more ? (
        <div class="card-foot">
          <button
            type="button"
            class="button plain"
            onClick={() => {
              setShown(shown + MORE);
              if (hidden < MORE && more) older();
            }}
          >
            {more ? "Show older" : `Show ${Math.min(MORE, hidden)} more`}
          </button>
        </div>
      ) : null}
    </section>
  );
}

function Choice({
  filter,
  choose,
  all,
}: {
  filter: PastFilter;
  choose: (change: Partial<PastFilter>) => void;
  all: readonly Alert[];
}) {
  // Those of which only their alerts are left stay to be chosen while others are listed.
  const gone = useRef(new Map<string, string>());
  for (const alert of all) gone.current.set(ruleKey(alert), clean(ruleName(alert)));
  const names = new Map((rules.value ?? []).map(({ id, name }) => [id, clean(name)]));
  for (const [key, name] of gone.current) if (!names.has(key)) names.set(key, name);
  return (
    <div class="row past-choice" role="group" aria-label="Which past alerts">
      <select
        class="input"
        aria-label="Rule"
        value={filter.rule}
        onChange={(event) => choose({ rule: event.currentTarget.value })}
      >
        <option value="">All rules</option>
        {[...names].map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
      <select
        class="input"
        aria-label="Severity"
        value={filter.severity}
        onChange={(event) => choose({ severity: event.currentTarget.value as PastFilter["severity"] })}
      >
        <option value="">Any severity</option>
        <option value="critical">critical</option>
        <option value="warning">warning</option>
        <option value="info">info</option>
      </select>
      <select
        class="input"
        aria-label="State"
        value={filter.state}
        onChange={(event) => choose({ state: event.currentTarget.value as PastFilter["state"] })}
      >
        <option value="">Any state</option>
        <option value="resolved">resolved</option>
        <option value="historical">historical</option>
      </select>
      {isFiltered(filter) ? (
        <button type="button" class="button plain" onClick={() => choose(EVERY_PAST)}>
          Show all
        </button>
      ) : null}
    </div>
  );
}

/** Many of one rule: a click asks for those. */
function RuleLine({
  alerts,
  more,
  choose,
}: {
  alerts: readonly Alert[];
  more: boolean;
  choose: (change: Partial<PastFilter>) => void;
}) {
  const [first] = alerts;
  const name = clean(ruleName(first!));
  const devices = new Set(alerts.map((one) => one.device_name));
  const now = clock.value;
  return (
    <li class="group" data-past={ruleKey(first!)}>
      <div class="what">
        <div class="entry-line">
          <Status of={first!.state} />
          <strong>{name}</strong>
          <span class="chip">{first!.severity}</span>
          <span class="small quiet">{countText(alerts.length, more)}</span>
        </div>
        <span class="small quiet">
          {devices.size === 1 ? clean(first!.device_name) : `on ${devices.size} devices`}, the newest{" "}
          {when(millis(first!.started_at) ?? now, now)}
        </span>
      </div>
      <button
        type="button"
        class="button plain"
        aria-label={`Show past alerts of ${name}`}
        onClick={() => choose({ rule: ruleKey(first!) })}
      >
        Show each
      </button>
    </li>
  );
}

/** The pages of what was asked for; anew when something else is, or when all alerts were loaded anew. */
function usePages(filter: PastFilter, tag: string | null) {
  const [pages, setPages] = useState<Pages | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  // Of two questions the answer to the later one counts.
  const run = useRef({ turn: 0, isBusy: false });
  const ask = (before: Pages | null) => {
    const turn = ++run.current.turn;
    run.current.isBusy = true;
    const isLate = () => turn !== run.current.turn;
    api.alerts.page(pastQuery(filter, tag, before?.next ?? null)).then(
      ({ items, next }) => {
        if (isLate()) return;
        run.current.isBusy = false;
        setProblem(null);
        setPages({ items: [...(before?.items ?? []), ...items], next, count: (before?.count ?? 0) + 1 });
      },
      (error: unknown) => {
        if (isLate()) return;
        run.current.isBusy = false;
        setProblem(reason(error));
      },
    );
  };
  const asked = JSON.stringify([filter, tag]);
  const since = loaded.value;
  useEffect(() => setPages(null), [asked]);
  useEffect(() => void (since === undefined ? null : ask(null)), [asked, since]);
  const older = () => {
    if (!run.current.isBusy && pages?.next) ask(pages);
  };
  return { pages, problem, older };
}
