// The ways that readings come by beside the agents: what came, what was refused and why, and what nobody understands.

import { useState } from "preact/hooks";
import * as api from "../api";
import { state } from "../app";
import { refusals, whyUnread } from "../door";
import { clean, count, many, millis, when } from "../format";
import { sentence } from "../sentence";
import type { Door, TopicRule, UnreadTopic } from "../types";
import { Confirmed, useEvery } from "./controls";
import { may } from "./may";
import { TopicRuleForm } from "./topic_rule_form";

/** What people call the doors, and how each of them is turned on. */
const DOORS: Record<string, { name: string; what: string; on: string }> = {
  http: { name: "HTTP", what: "requests", on: "" },
  mqtt: { name: "MQTT", what: "messages", on: "--mqtt mqtt://user@broker" },
  scrape: { name: "Scraping", what: "samples", on: "[[scrape]] in its configuration" },
  line_udp: { name: "Line protocol, UDP", what: "lines", on: "--line-udp :8089" },
  line_tcp: { name: "Line protocol, TCP", what: "lines", on: "--line-tcp :8094" },
};

export function Doors() {
  const [doors, setDoors] = useState<readonly Door[] | null>(null);
  const [unread, setUnread] = useState<readonly UnreadTopic[]>([]);
  const [rules, setRules] = useState<readonly TopicRule[]>([]);
  const load = async () => {
    const all = await api.doors.list();
    setDoors(all);
    if (!all.some((door) => door.name === "mqtt" && door.on)) return;
    setUnread(await api.doors.unread());
    setRules(await api.doors.rules());
  };
  const again = () => void load().catch(() => {});
  useEvery(3_000, again);
  return (
    <section class="card stack" aria-labelledby="doors">
      <div>
        <h2 id="doors">Doors</h2>
        <p class="small quiet">The ways that readings come by, beside the agents. Counted since the start.</p>
      </div>
      {doors === null ? (
        <p class="quiet" role="status">
          Loading…
        </p>
      ) : (
        <dl class="facts">
          {doors.map((door) => (
            <Row key={door.name} door={door} />
          ))}
        </dl>
      )}
      {unread.length > 0 ? <Unread topics={unread} changed={again} /> : null}
      {rules.length > 0 ? <Rules rules={rules} changed={again} /> : null}
    </section>
  );
}

function Row({ door }: { door: Door }) {
  const { now } = state.value;
  const known = DOORS[door.name] ?? { name: door.name, what: "messages", on: "" };
  const refused = refusals(door.refused);
  const failed = millis(door.last_error_at);
  return (
    <>
      <dt>{known.name}</dt>
      <dd>
        {door.on ? (
          <>
            <div>
              {door.connected === null ? null : door.connected ? "Connected. " : "Not connected. "}
              {`${many(door.readings, "reading")} of ${count(door.came)} ${known.what}`}
            </div>
            <div class="small quiet">
              {clean(door.address ?? "", 100)}
              {door.unauthenticated ? ", without authentication" : ""}
            </div>
            {refused.map(({ reason, count: many, means }) => (
              <div class="small" key={reason}>{`${count(many)}: ${means}`}</div>
            ))}
            {door.last_error && failed !== null ? (
              <p class={door.connected ? "small quiet" : "problem"} role={door.connected ? undefined : "alert"}>
                {sentence(`${when(failed, now)}: ${clean(door.last_error, 300)}`)}
              </p>
            ) : null}
          </>
        ) : (
          <span class="quiet">
            Off. Start the hub with <code>{known.on}</code>
          </span>
        )}
      </dd>
    </>
  );
}

/** Topics at once: a list of all of them is longer than the page. */
const SHOWN = 20;

function Unread({ topics, changed }: { topics: readonly UnreadTopic[]; changed: () => void }) {
  const [open, setOpen] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  const shown = all ? topics : topics.slice(0, SHOWN);
  return (
    <details open={open !== null || undefined}>
      <summary>{`MQTT: ${many(topics.length, "topic")} not understood`}</summary>
      <ul class="stack">
        {shown.map((topic) => (
          <li key={topic.topic} class="stack tight">
            <div class="spread">
              <div class="unread">
                <div class="mono">{clean(topic.topic, 200)}</div>
                <div class="small quiet">
                  {whyUnread(topic.why)}: <code>{clean(topic.payload, 120)}</code>
                </div>
              </div>
              {may("operate") ? (
                <button
                  type="button"
                  class="button"
                  aria-expanded={open === topic.topic}
                  onClick={() => setOpen(open === topic.topic ? null : topic.topic)}
                >
                  Make a rule
                </button>
              ) : null}
            </div>
            {open === topic.topic ? (
              <TopicRuleForm
                topic={topic}
                done={() => {
                  setOpen(null);
                  changed();
                }}
              />
            ) : null}
          </li>
        ))}
      </ul>
      {topics.length > SHOWN && !all ? (
        <button type="button" class="button plain" onClick={() => setAll(true)}>
          {`Show all ${count(topics.length)}`}
        </button>
      ) : null}
    </details>
  );
}

function Rules({ rules, changed }: { rules: readonly TopicRule[]; changed: () => void }) {
  const remove = async (rule: TopicRule) => {
    await api.doors.removeRule(rule.id);
    changed();
  };
  return (
    <details>
      <summary>{`MQTT: ${many(rules.length, "rule")} for topics`}</summary>
      <ul class="stack">
        {rules.map((rule) => (
          <li key={rule.id} class="spread">
            <div class="unread">
              <div class="mono">{clean(rule.topic, 200)}</div>
              <div class="small quiet">
                {rule.ignore ? "ignored" : `${clean(rule.sensor ?? "", 100)} of ${clean(rule.device ?? "", 100)}`}
              </div>
            </div>
            {may("operate") ? (
              <Confirmed
                label="Remove"
                sure="Really remove"
                name={clean(rule.topic, 60)}
                onConfirm={() => void remove(rule)}
              />
            ) : null}
          </li>
        ))}
      </ul>
    </details>
  );
}
