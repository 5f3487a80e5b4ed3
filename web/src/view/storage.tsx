// What the readings take on the disk, how long that goes on, and how long they are kept.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { state } from "../app";
import { clean, digits, duration, measured, millis, when } from "../format";
import type { Hub, Retention as Kept, RetentionRequest } from "../types";
import type { Wrong } from "../wrong";
import { Confirmed, Field } from "./controls";
import { wrongOf } from "./form";
import { Lack, may } from "./may";

/** Typing has ended: the hub may be asked what it would delete. */
const TYPED_MS = 500;

export function Storage({ hub: { storage } }: { hub: Hub }) {
  const { now } = state.value;
  const { bytes, max_bytes: cap, disk_free_bytes: free, written_bytes_per_day: written, checked_at } = storage;
  const checked = millis(checked_at);
  const room = cap ?? (free === null ? null : bytes + free);
  const share = room === null ? null : Math.min(1, bytes / room);
  return (
    <section class="card stack" aria-labelledby="storage">
      <h2 id="storage">Storage</h2>
      <p class="lead">{outlook(storage, now)}</p>
      {share === null ? null : (
        <div
          class="meter"
          role="meter"
          aria-label={cap === null ? "Part of the disk space" : "Part of the maximum size"}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(share * 100)}
        >
          <i class={storage.state === "ok" ? "" : "warn"} style={{ width: `${share * 100}%` }} />
        </div>
      )}
      <dl class="facts">
        <dt>Used</dt>
        <dd>
          {measured(bytes, "B")}
          {cap === null ? "" : ` of at most ${measured(cap, "B")}`}
        </dd>
        {free === null ? null : (
          <>
            <dt>Disk</dt>
            <dd>{measured(free, "B")} free</dd>
          </>
        )}
        <dt>Written per day</dt>
        <dd>
          {written === null
            ? "available one hour after start"
            : `${measured(written, "B")}; writing wears out flash memory`}
        </dd>
        <dt>Checked</dt>
        <dd>
          {checked === null
            ? "not yet"
            : `${when(checked, now)}, no errors found${storage.checked_whole ? "" : " in the part that was checked"}`}
        </dd>
      </dl>
    </section>
  );
}

/** How long the room lasts, in one sentence. */
function outlook(
  { state: stands, recycled_to, growth_bytes_per_day: growth, full_in_days: days, max_bytes: cap }: Hub["storage"],
  now: number,
): string {
  if (stands === "recycling") {
    const upTo = when(millis(recycled_to) ?? now, now);
    return `The maximum size is reached: the oldest readings are deleted first, so far up to ${upTo}.`;
  }
  const little = stands === "nearly_full" ? "Nearly full. " : "";
  if (growth === null) return `${little}Disk forecast available one hour after start.`;
  if (days === null) return `${little}It does not grow.`;
  const left =
    days >= 730
      ? `${digits(Math.floor(days / 365))} years`
      : days >= 3
        ? `${digits(Math.floor(days))} days`
        : duration(days * 86_400_000);
  const what = cap === null ? "The disk is" : "It is";
  return `${little}${what} full in ${left} at this rate: ${measured(growth, "B")} a day.`;
}

const TIERS = [
  ["raw", "Every reading"],
  ["minutes", "One-minute summaries"],
  ["hours", "Hourly summaries"],
  ["alerts", "Past alerts and messages"],
] as const;

/** Says what a change would delete before it is made. */
export function Retention() {
  const [kept, setKept] = useState<Kept | null>(null);
  const [typed, setTyped] = useState<RetentionRequest | null>(null);
  const [would, setWould] = useState<{ text: string; deletes: boolean } | Wrong | null>(null);
  const wrong = would !== null && "problem" in would ? would : null;
  const take = (now: Kept) => {
    setKept(now);
    setTyped(null);
    setWould(null);
  };
  useEffect(() => {
    api.retention.get().then(take, (error: unknown) => setWould(wrongOf(error)));
  }, []);
  useEffect(() => {
    if (typed === null) return;
    let current = true;
    const timer = setTimeout(() => {
      api.retention.preview(typed).then(
        (preview) => current && setWould({ text: preview.text, deletes: preview.text !== "nothing" }),
        (error: unknown) => current && setWould(wrongOf(error)),
      );
    }, TYPED_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [JSON.stringify(typed)]);
  const save = () => {
    if (typed !== null) api.retention.replace(typed).then(take, (error: unknown) => setWould(wrongOf(error)));
  };
  const change = (tier: (typeof TIERS)[number][0], text: string) => {
    if (kept === null) return;
    const { configured: _, ...before } = kept;
    setTyped({ ...before, ...typed, [tier]: text.trim() });
    setWould(null);
  };
  return (
    <section class="card stack" aria-labelledby="retention">
      <div>
        <h2 id="retention">Retention</h2>
        <p class="small quiet">
          Older readings are replaced by one-minute summaries, later by hourly ones (count, average, minimum, maximum).
          Enter a duration like 14d, 6w or 5y (at least 1d), or “forever”.
        </p>
      </div>
      {kept === null ? (
        wrong ? null : (
          <p class="quiet">Loading…</p>
        )
      ) : (
        <form class="form" onSubmit={(event) => event.preventDefault()}>
          <div class="form-grid thirds">
            {TIERS.map(([tier, label]) => (
              <Field label={label} key={tier} problem={wrong?.field === tier ? wrong.problem : undefined}>
                <input
                  class="input"
                  autocomplete="off"
                  spellcheck={false}
                  disabled={kept.configured || !may("admin")}
                  value={typed?.[tier] ?? kept[tier]}
                  onInput={(event) => change(tier, event.currentTarget.value)}
                />
              </Field>
            ))}
          </div>
          {kept.by_label.map((entry) => {
            const labels = Object.entries(entry.labels)
              .map(([key, value]) => `${clean(key)}=${clean(value)}`)
              .join(" ");
            return (
              <p class="small" key={labels}>
                <span class="chip">{labels}</span>
                {` ${entry.raw}, one-minute summaries ${entry.minutes}, hourly summaries ${entry.hours}`}
              </p>
            );
          })}
          {kept.configured ? (
            <p class="small quiet">Set by flags or the configuration file of the hub; it cannot be changed here.</p>
          ) : (
            <Lack of="admin" />
          )}
          {typed === null ? null : (
            <div class="row">
              {would !== null && "deletes" in would ? (
                would.deletes ? (
                  <Confirmed label="Save" sure="Delete and save" onConfirm={save} />
                ) : (
                  <button type="button" class="button primary" onClick={save}>
                    Save
                  </button>
                )
              ) : (
                <button type="button" class="button" disabled>
                  Save
                </button>
              )}
              <button type="button" class="button plain" onClick={() => take(kept)}>
                Cancel
              </button>
              <span class="small" role="status">
                {would === null
                  ? "Checking what would be deleted…"
                  : "deletes" in would
                    ? would.deletes
                      ? `This deletes ${would.text}.`
                      : "Nothing will be deleted."
                    : ""}
              </span>
            </div>
          )}
        </form>
      )}
      {wrong && (kept === null || !TIERS.some(([tier]) => tier === wrong.field)) ? (
        <p class="problem" role="alert">
          {wrong.problem}
        </p>
      ) : null}
    </section>
  );
}
