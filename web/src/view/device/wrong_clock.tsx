// A clock that is off, of a device without a link: nobody measures it there,
// it is known by how its readings lie to the moment they come.

import { duration } from "../../format";
import type { Device } from "../../types";

/** A clock that is off by less is no news. */
const CLOCK_OFF_MS = 5_000;

export function WrongClock({ device }: { device: Device }) {
  const offset = device.clock_offset_ms;
  if (device.link !== null || offset === null || Math.abs(offset) < CLOCK_OFF_MS) return null;
  const how =
    offset > 0
      ? `The clock of this device is ${duration(offset)} ahead of the hub's: set it (NTP). ` +
        "Rules go by the time its readings come."
      : `The readings of this device come ${duration(-offset)} late: its clock is slow (set it, NTP), ` +
        "or they are kept somewhere on the way.";
  return (
    <div class="note warn" role="status">
      <span>{how}</span>
    </div>
  );
}
