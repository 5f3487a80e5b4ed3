// What a rule would have done in the last days, by the hub's own engine: a sentence while it is typed, and on whom.

import { useEffect, useState } from "preact/hooks";
import { reason } from "../actions/answer";
import * as api from "../api";
import { serverNow, state } from "../app";
import { apart, clean, measured, when } from "../format";
import { title } from "../names";
import { href } from "../route";
import { charted, differs, firedOn, noise, outcome } from "../rule";
import { sentence } from "../sentence";
import type { Backtest } from "../types";
import type { Wrong } from "../wrong";
import { lazily } from "./lazy";

const chart = lazily(() => import("./rule_chart").then((view) => view.RuleChart));

const DAY_MS = 86_400_000;
/** Days it can be tried on. */
const DAYS = [1, 7, 30];

/** Typing settles before the hub is asked. */
const SETTLE_MS = 250;
/** What the hub says to wait when too many rules are tried at once. */
const BUSY_MS = 2_000;
/** Sensors named at first; a rule that fires on more is told by their number. */
const NAMED = 20;
/** Drawn at most: more lines cannot be told from each other. */
const LINES = 6;
/** Around a firing, so that its beginning is seen. */
const AROUND_MS = 30 * 60_000;

export function RulePast({
  draft,
  against,
  refused,
  span,
}: {
  draft: api.UnnamedRule | null;
  /** The rule as it is, where it is changed. */
  against: api.UnnamedRule | null;
  refused: (wrong: Wrong) => void;
  /** Told the lowest and the highest value of what is drawn. */
  span: (low: number, high: number) => void;
}) {
  const [days, setDays] = useState(1);
  const [past, failed] = useBacktest(draft, against, days, refused);
  if (draft === null)
    return (
      <p class="small quiet">
        Once the fields above are complete, this shows what the rule would have done in the last 24 h.
      </p>
    );
  const choice = (
    <div class="row">
      <span class="small quiet" id="tried">
        Tried on the last
      </span>
      <div class="segments" role="group" aria-labelledby="tried">
        {DAYS.map((one) => (
          <button type="button" key={one} aria-pressed={days === one} onClick={() => setDays(one)}>
            {one === 1 ? "24 h" : `${one} days`}
          </button>
        ))}
      </div>
    </div>
  );
  if (past === null)
    return (
      <>
        {choice}
        {failed === null ? null : (
          <p class="small" role="status">
            {failed}
          </p>
        )}
      </>
    );
  const fired = firedOn(past);
  // How many devices it was is no reading that could be drawn.
  const drawn = draft.condition.type === "count" ? [] : charted(past, LINES);
  return (
    <>
      {choice}
      <div class="note past" role="status">
        <span>{outcome(past)}</span>
        {past.difference ? <p class="small">{differs(past.difference)}</p> : null}
        {past.noise.length > 1 ? <p class="small quiet">{noise(past)}</p> : null}
        {drawn.length > 0 ? <chart.View past={past} series={drawn} condition={draft.condition} span={span} /> : null}
        {fired.length > 0 ? (
          <details>
            <summary>
              {fired.length === 1
                ? "Show which one"
                : fired.length > NAMED
                  ? `Show ${NAMED} of ${fired.length}`
                  : `Show which ${fired.length}`}
            </summary>
            <ul class="fired">
              {fired.slice(0, NAMED).map((one) => (
                <Fired key={`${one.device} ${one.sensor}`} of={one} past={past} />
              ))}
            </ul>
            {fired.length > NAMED ? <p class="small quiet">And {fired.length - NAMED} more.</p> : null}
          </details>
        ) : null}
      </div>
    </>
  );
}

/** One sensor: which, when on a bar of the whole time, and how often. It opens in a tab of its own, the form stays. */
function Fired({ of, past }: { of: Backtest["series"][number]; past: Backtest }) {
  const [from, to] = [Date.parse(past.from), Date.parse(past.to)];
  const [first] = of.firings;
  const began = first ? Date.parse(first.from) : from;
  const range = { from: String(began - AROUND_MS), to: String(Math.min(to, began + AROUND_MS)) };
  const share = (at: number) => `${Math.max(0, Math.min(100, ((at - from) / (to - from)) * 100)).toFixed(2)}%`;
  return (
    <li>
      {of.device === "" ? (
        <span>{clean(of.device_name)}</span>
      ) : (
        <a href={href({ view: "device", id: of.device, sensors: [of.sensor], range })} target="_blank" rel="noopener">
          {clean(of.device_name)} {title(of.sensor)}
        </a>
      )}
      <span class="fired-bar" aria-hidden="true">
        {of.firings.map((one) => (
          <i
            key={one.from}
            style={{
              left: share(Date.parse(one.from)),
              right: `calc(100% - ${share(one.to === null ? to : Date.parse(one.to))})`,
            }}
          />
        ))}
      </span>
      <span class="quiet">
        {of.fires === 1 ? "once" : `${of.fires} times`}
        {first
          ? `, ${of.fires === 1 ? "" : "first "}${when(began, state.value.now)}${
              first.value === null
                ? ""
                : ` at ${measured(
                    first.value,
                    of.unit,
                    apart(
                      of.firings.map(({ value }) => value),
                      of.unit,
                    ),
                  )}`
            }`
          : ""}
      </span>
    </li>
  );
}

/** What the hub did not answer in time. */
const LATE = "The hub did not get through so many readings in time: choose a shorter time, or fewer devices.";

/** What the rule would have done, or null while there is nothing to say; and why that is not known. */
function useBacktest(
  draft: api.UnnamedRule | null,
  against: api.UnnamedRule | null,
  days: number,
  refused: (wrong: Wrong) => void,
): [Backtest | null, string | null] {
  const [past, setPast] = useState<Backtest | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  // How many devices are in a state is no firing of one of them.
  const counts = (one: api.UnnamedRule) => one.condition.type === "count";
  const before = against !== null && draft !== null && counts(against) === counts(draft) ? against : null;
  // By its text: the draft is a new object each time.
  const asked =
    draft === null ? null : JSON.stringify([{ ...draft, severity: "info", webhooks: [], message: null }, before]);
  useEffect(() => {
    let current = true;
    if (asked === null) return setPast(null);
    const [rule, before] = JSON.parse(asked) as [api.UnnamedRule, api.UnnamedRule | null];
    setFailed(null);
    const during = () => {
      const to = serverNow();
      return { from: to - days * DAY_MS, to };
    };
    const ask = () =>
      api.rules.backtest(rule, before, days === 1 ? null : during()).then(
        (result) => current && setPast(result),
        (error: unknown) => {
          if (!current) return;
          setPast(null);
          // A hub that is busy with others' rules is asked again;
          // what is wrong with the rule is said before it is saved.
          if (error instanceof api.Refused && error.status === 503) timer = setTimeout(ask, BUSY_MS);
          else if (error instanceof api.Refused && error.status === 0) setFailed(LATE);
          else if (error instanceof api.Refused && error.problem?.field)
            refused({ field: error.problem.field.replace(/^rule\./, ""), problem: sentence(reason(error)) });
          else setFailed(sentence(reason(error)));
        },
      );
    let timer = setTimeout(ask, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [asked, days]);
  return [past, failed];
}
