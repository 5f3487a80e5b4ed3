// What people changed, newest first, and all of it as a file.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { told } from "../actions/answer";
import { state } from "../app";
import { pathTo } from "../base";
import { changes, deed, doer } from "../deed";
import { clean, when } from "../format";
import type { AuditEntry } from "../types";

/** Entries shown at first, and more at a time. */
const STEP = 10;

export function Audit() {
  const [entries, setEntries] = useState<readonly AuditEntry[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const load = async (cursor: string | null) => {
    const page = await told(api.audit.page(STEP, cursor));
    if (page === null) return;
    setEntries((before) => (cursor === null ? page.items : [...(before ?? []), ...page.items]));
    setNext(page.next);
  };
  useEffect(() => void load(null), []);
  return (
    <section class="card entries" aria-labelledby="audit">
      <div class="card-head">
        <div>
          <h2 id="audit">Changes by people</h2>
          <p class="small quiet">Who changed what, and who was refused. Kept for a year, 10,000 at most.</p>
        </div>
        <a class="button" href={pathTo("/api/v1/audit?format=ndjson")} download="audit.ndjson">
          Download all
        </a>
      </div>
      {entries === null ? (
        <p class="empty quiet">Loading…</p>
      ) : entries.length === 0 ? (
        <p class="empty quiet">Nothing has been changed yet.</p>
      ) : (
        <ul class="entries">
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
      {next !== null ? (
        <div class="card-head">
          <button type="button" class="button plain" onClick={() => void load(next)}>
            Show more
          </button>
        </div>
      ) : null}
    </section>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const { now } = state.value;
  const at = Date.parse(entry.at);
  const value = (text: string | null) => (text === null ? "nothing" : clean(text, 80));
  return (
    <li class="delivery">
      <div class="what">
        <div class="entry-line">
          <strong>{deed(entry)}</strong>
        </div>
        {changes(entry).map(({ field, before, after }) => (
          <span class="small" key={field}>
            {clean(field.replaceAll("_", " "), 64)}:{" "}
            {before === after ? "changed" : before === null ? value(after) : `${value(before)} → ${value(after)}`}
          </span>
        ))}
        <span class="small quiet">{doer(entry.by)}</span>
      </div>
      <time class="small quiet" dateTime={entry.at}>
        {when(at, now)}
      </time>
    </li>
  );
}
