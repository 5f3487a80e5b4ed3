// What stands above the charts of a device: which window and which sensors, and ways to take the data along.

import { reason, say } from "../../actions/answer";
import { state } from "../../app";
import type { Board } from "../../chart/board";
import { clean, duration, stamp, zone } from "../../format";
import { title } from "../../names";
import { exportHref, type Route } from "../../route";
import type { Device, Sensor } from "../../types";
import { CompareMenu } from "./compare";
import { SensorMenu } from "./sensor_menu";
import type { Shown } from "./window";
import { WindowPicker } from "./window_picker";

type DeviceRoute = Extract<Route, { view: "device" }>;

export function Toolbar({
  device,
  route,
  sensors,
  single,
  board,
  shown: { window, live, show, actions },
  table,
  setTable,
}: {
  device: Device;
  route: DeviceRoute;
  sensors: readonly Sensor[];
  /** The only one that is shown. */
  single: Sensor | undefined;
  board: Board;
  shown: Shown;
  table: boolean;
  setTable: (table: boolean) => void;
}) {
  const now = state.value.now;
  const behind = live ? 0 : Math.max(0, now - (window?.to ?? now));
  const save = () => {
    void import("../../chart/picture")
      .then(({ fileName, savePicture }) => {
        const { from, to } = board.window();
        const of = single ? `${clean(device.name)}, ${title(single.sensor)}` : clean(device.name);
        return savePicture(document, of, `${stamp(from)} – ${stamp(to)}, ${zone(to)}`, fileName(device.name, from, to));
      })
      .then(
        (done) => done || say("There is no chart to save as a picture.", "error"),
        (error: unknown) => say(`Picture: ${reason(error)}`, "error"),
      );
  };
  return (
    <div class="bar" role="toolbar" aria-label="Charts">
      <WindowPicker range={route.range} window={window ?? board.window()} live={live} show={show} />
      <div class="tools">
        {live ? (
          <button type="button" class="button" onClick={actions.pause}>
            Pause
          </button>
        ) : (
          <button type="button" class="button paused" onClick={actions.resume}>
            <span>
              Paused<span class="wide">, {duration(behind)} behind</span> – <span class="wide">return to </span>live
              <span class="wide"> (L)</span>
            </span>
          </button>
        )}
        {sensors.length > 1 ? <SensorMenu sensors={sensors} route={route} /> : null}
        {single ? <CompareMenu device={device} sensor={single} route={route} /> : null}
        <button type="button" class="button" aria-pressed={table} onClick={() => setTable(!table)}>
          Table
        </button>
        <a class="button" href={exportHref(route)} download title="Every reading of this window as a file">
          CSV
        </a>
        {table ? null : (
          <button type="button" class="button" title="These charts as a picture" onClick={save}>
            PNG
          </button>
        )}
      </div>
    </div>
  );
}
