#!/usr/bin/env bash
# A Zigbee sensor that does not know what it measures says so by a value of its own: MeasuredValue 0x8000 for temperature, 0xFFFF
# for relative humidity and flow (Zigbee Cluster Library, chapters 4.4, 4.7 and 4.6). npm zigbee-herdsman 10.9.5
# hands it on as a number, and the converters of zigbee-herdsman-converters 26.112.0 that nearly all devices have by now
# (`modernExtend`) make readings of it: -327.68 degrees, 655.35 % humidity. The older converter of humidity leaves it out.
# Seen: read from the bytes of a report, then converted.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts zigbee-herdsman-converters@26.112.0 zigbee-herdsman@10.9.5
cat >look.cjs <<'JS'
const { BuffaloZcl } = require("zigbee-herdsman/dist/zspec/zcl/buffaloZcl");
const { DataType } = require("zigbee-herdsman/dist/zspec/zcl/definition/enums");
const older = require("zigbee-herdsman-converters/converters/fromZigbee");
const modern = require("zigbee-herdsman-converters/lib/modernExtend");
const convert = (converter, measuredValue) => {
  const message = { data: { measuredValue }, endpoint: { ID: 1 }, device: {} };
  const made = converter.convert({ model: "any", meta: {}, exposes: [] }, message, () => {}, {}, { state: {} });
  return made === undefined ? "left out" : Object.values(made)[0];
};
const unknown = (type, bytes) => new BuffaloZcl(Buffer.from(bytes)).read(type, {});
const [cold, wet] = [unknown(DataType.INT16, [0x00, 0x80]), unknown(DataType.UINT16, [0xff, 0xff])];
console.log("read", cold, wet);
console.log("temperature", convert(modern.temperature().fromZigbee[0], cold), convert(older.temperature, cold));
console.log("humidity", convert(modern.humidity().fromZigbee[0], wet), convert(older.humidity, wet));
console.log("flow", convert(modern.flow().fromZigbee[0], wet));
JS
node look.cjs >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
read -32768 65535
temperature -327.68 -327.68
humidity 655.35 left out
flow 6553.5
SEEN
