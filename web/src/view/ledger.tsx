// What became of the readings a device took in the last day: a balance that adds up, said as a bar and in numbers.

import { useState } from "preact/hooks";
import * as api from "../api";
import { clean, count, duration, many, millis } from "../format";
import type { Device, Ledger, LedgerDrops } from "../types";
import { state } from "../app";
import { useEvery } from "./controls";

const EVERY_MS = 10_000;

const DROPS: Record<keyof LedgerDrops, string> = {
  oldest: "oldest replaced because the buffer was full",
  newest: "newest not stored because the buffer was full",
  expired: "older than the device keeps readings",
  unreadable: "could not be read back from its disk",
  other: "for another reason",
};

export function LedgerBalance({ device }: { device: Device }) {
  const [ledger, setLedger] = useState<Ledger | null>(null);
  // A balance that cannot be asked for now is asked for again; the rest of the page does not wait for it.
  useEvery(EVERY_MS, () => void api.devices.ledger(device.id).then(setLedger, () => {}), device.id);
  if (ledger === null) return <div class="card ledger" aria-hidden="true" />;
  const { total } = ledger;
  if (device.hardware === null) return <Received device={device} total={total.received + total.recovered} />;
  const dropped = Object.values(total.dropped).reduce((sum, one) => sum + one, 0);
  const parts: [name: string, value: number, tone: string, means: string][] = [
    ["received live", total.received, "good", ""],
    ["received later", total.recovered, "good", "after a lost connection"],
    ["waiting", total.waiting, "wait", "still on the device"],
    ["thinned", total.thinned, "warn", "left out between others because the device's buffer was full"],
    [
      "dropped",
      dropped,
      "bad",
      (Object.keys(DROPS) as (keyof LedgerDrops)[])
        .filter((key) => total.dropped[key] > 0)
        .map((key) => `${count(total.dropped[key])} ${DROPS[key]}`)
        .join(", ") || "dropped by the device",
    ],
    ["missing", total.missing, "bad", "neither on the hub nor on the device"],
  ];
  const lost = total.thinned + dropped + total.missing;
  const reported = millis(ledger.reported_at);
  return (
    <section class="card ledger" aria-label="Balance of the last 24 hours">
      <div class="spread">
        <h2>
          {reported === null && total.taken === 0
            ? "Nothing counted yet"
            : total.taken === 0
              ? "No readings in the last 24 h"
              : lost === 0
                ? "Nothing lost in the last 24 h"
                : `${readings(lost)} lost in the last 24 h`}
        </h2>
        <span class="small quiet">
          {reported === null
            ? device.status === "online"
              ? "first report within a minute"
              : "it has sent no report"
            : `reported by the device ${duration(state.value.now - reported)} ago`}
        </span>
      </div>
      {total.taken > 0 ? (
        <div class="balance" aria-hidden="true">
          {parts
            .filter(([, value]) => value > 0)
            .map(([name, value, tone]) => (
              <i key={name} class={tone} style={{ flexGrow: value }} />
            ))}
        </div>
      ) : null}
      <p class="small">
        <b>{count(total.taken)}</b> measured:{" "}
        {parts
          .filter(([, value], i) => value > 0 || i === 0)
          .map(([name, value, , means], i) => (
            <span key={name}>
              {i > 0 ? ", " : ""}
              <b>{count(value)}</b> {name}
              {means === "" ? null : <span class="quiet"> ({means})</span>}
            </span>
          ))}
      </p>
    </section>
  );
}

const readings = (n: number) => many(n, "reading");

/** What came of a device without an agent: nobody there keeps a ledger, so there is nothing to balance with. */
function Received({ device, total }: { device: Device; total: number }) {
  return (
    <section class="card ledger" aria-label="Received in the last 24 hours">
      <h2>{total === 0 ? "No readings in the last 24 h" : `${readings(total)} received in the last 24 h`}</h2>
      <p class="small">
        {device.version === null
          ? "It has no agent: its readings were sent by programs, heard from a broker, scraped or imported. " +
            "What the sender lost before sending cannot be known here."
          : "Its agent is not known here any more: it was forgotten, or measures for another device now. " +
            "What it measured until then stays."}
      </p>
    </section>
  );
}

/** Sources of a device that fail. A mere remark about a source has no count. */
const failing = (device: Device) => device.source_errors.filter((one) => one.count > 0);

/** Mere remarks: values that are left out and why, slow files. */
const remarks = (device: Device) => device.source_errors.filter((one) => one.count === 0);

/** How many sources of a device fail, in words; nothing when all are well. */
export function failingSources(device: Device): string {
  // What fails comes first: where there is room for remarks, what had none are remarks.
  const more = remarks(device).length > 0 ? 0 : device.more_source_errors;
  const bad = failing(device).length + more;
  return bad === 0 ? "" : bad === 1 ? "1 sensor source fails" : `${count(bad)} sensor sources fail`;
}

/** Another machine uses the identity of a device: where both are, and what to do. */
export function IdentityConflict({ device }: { device: Device }) {
  const { conflict } = device;
  if (!conflict) return null;
  const { now } = state.value;
  return (
    <section class="note warn" aria-label="Identity in use twice">
      <strong>Two machines use the identity of this device: {conflict.addresses.join(" and ")}</strong>
      <p class="small">
        {conflict.hint} <span class="quiet">For {duration(now - (millis(conflict.since) ?? now))}.</span>
      </p>
    </section>
  );
}

/** Sources of a device that fail, and what is to be known of others, by its own word. */
export function SourceErrors({ device }: { device: Device }) {
  const [bad, known] = [failing(device), remarks(device)];
  const more =
    device.more_source_errors > 0 ? <li class="quiet">and {count(device.more_source_errors)} more</li> : null;
  return (
    <>
      {bad.length === 0 ? null : (
        <section class="note warn sources" aria-label="Failing sources">
          <strong>{failingSources(device)}; all others continue</strong>
          <ul>
            {bad.map((one) => (
              <Said key={`${one.source} ${one.error}`} one={one} />
            ))}
            {known.length === 0 ? more : null}
          </ul>
        </section>
      )}
      {known.length === 0 ? null : (
        <details class="note sources">
          <summary>
            {many(known.length + device.more_source_errors, "note about its sensors", "notes about its sensors")}
          </summary>
          <ul>
            {known.map((one) => (
              <Said key={`${one.source} ${one.error}`} one={one} />
            ))}
            {more}
          </ul>
        </details>
      )}
    </>
  );
}

function Said({ one }: { one: Device["source_errors"][number] }) {
  const { now } = state.value;
  return (
    <li>
      <b>{clean(one.source)}</b> {clean(one.error, 200)}{" "}
      <span class="quiet">for {duration(now - (millis(one.since) ?? now))}</span>
    </li>
  );
}
