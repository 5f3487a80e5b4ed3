// How one sensor is drawn: a counter as a rate or as amounts; and what the sensor is.

import * as api from "../../api";
import { reason, say } from "../../actions/answer";
export { Amounts } from "./amounts";
import type { Kind, Sensor } from "../../types";
import type { ChartCardProps } from "./chart_card";
import { may } from "../may";

interface Props extends ChartCardProps {
  bars: boolean;
  setBars: (bars: boolean) => void;
}

export function ChartOptions({ sensors, family, alone, bars, setBars, board, changed }: Props) {
  const sensor = sensors[0]!;
  return (
    <>
      {sensor.kind === "counter" ? (
        <div class="segments" role="group" aria-label={`${family.title} as`}>
          <button type="button" aria-pressed={!bars} onClick={() => setBars(false)}>
            Rate
          </button>
          <button type="button" aria-pressed={bars} onClick={() => setBars(true)}>
            Amount
          </button>
        </div>
      ) : null}
      {alone && may("operate") ? (
        <KindMenu
          sensor={sensor}
          onKind={(kind) =>
            void api.devices
              .setKind(board.device, sensor.sensor, kind)
              .then(changed, (error: unknown) => say(reason(error), "error"))
          }
        />
      ) : null}
    </>
  );
}

/** What the sensor is: as it is sent, or as its owner says, for a sender that cannot say it. */
function KindMenu({ sensor, onKind }: { sensor: Sensor; onKind: (kind: Kind | null) => void }) {
  return (
    <label class="small quiet kind">
      Type{" "}
      <select
        class="input"
        value={sensor.kind_by_owner ? sensor.kind : ""}
        onChange={(event) => onKind(event.currentTarget.value === "" ? null : (event.currentTarget.value as Kind))}
      >
        <option value="">{sensor.kind_by_owner ? "as sent" : `as sent: ${sensor.kind}`}</option>
        <option value="gauge">gauge: goes up and down</option>
        <option value="counter">counter: a total that only grows</option>
        <option value="state">state: one of a few values</option>
      </select>
    </label>
  );
}
