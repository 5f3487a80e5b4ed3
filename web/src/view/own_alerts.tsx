// The alert that needs no rule: a device went away. How long it may be silent, or that nobody wants to know.

import { setOfflineAfter } from "../actions/hub";
import { part } from "../app";
import { duration, parseSpan } from "../format";
import { Lack, may } from "./may";

const hub = part((s) => s.hub);
const CHOICES = ["30s", "60s", "5m", "15m", "1h", "1d"];

/** "1 min" where the clock of the page would say "1 min 00 s". */
const said = (span: string) =>
  duration(parseSpan(span) ?? 0)
    .replace(/ 00 (s|min)$/, "")
    .replace(/ 0 h$/, "");

export function OwnAlerts() {
  const after = hub.value?.own_alerts.device_offline;
  if (after === undefined) return null;
  const offered = after === "off" || CHOICES.includes(after) ? CHOICES : [...CHOICES, after];
  return (
    <div class="card stack tight" role="region" aria-labelledby="own-alerts">
      <h2 id="own-alerts">Device offline</h2>
      <p class="small quiet">
        A device that goes away is one alert, without any rule. Every webhook is notified; of many devices at once a
        chat or a phone gets one message.
      </p>
      <label class="row small">
        Alert after
        <select
          class="input short"
          disabled={!may("admin")}
          value={after}
          onChange={(event) => void setOfflineAfter(event.currentTarget.value)}
        >
          {offered.map((one) => (
            <option key={one} value={one}>
              {said(one)} without contact
            </option>
          ))}
          <option value="off">never</option>
        </select>
      </label>
      <Lack of="admin" />
    </div>
  );
}
