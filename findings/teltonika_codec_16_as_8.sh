#!/usr/bin/env bash
# A Teltonika tracker writes what it measures by codec 8 or, with ids of two bytes and one byte more before them, by codec 16
# (Teltonika's wiki, Data Sending Protocols). npm teltonika-parser 0.0.15 has a case for codec 16 and loads codec 8 for it: no error,
# but measurements that nobody took.
# Seen: of one record with four of them (1, 3 and 11, and 66: 22074 mV) eleven are announced and 27 read, among them 66 twice, the second
# time with 1446641664 mV.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts teltonika-parser@0.0.15
cat >look.cjs <<'JS'
const Parser = require("teltonika-parser");
const record = [
  "0000016bdbc7833000", "0000000000000000" + "00000000000000", // when, how urgent, where
  "000b", "05", "04", // what caused it, how it was made, how many follow
  "02", "0001" + "00", "0003" + "00", // of one byte
  "02", "000b" + "0027", "0042" + "563a", // of two
  "00", "00", // of four and eight
].join("");
const data = "10" + "02" + record + record + "02";
const packet = "00000000" + (data.length / 2).toString(16).padStart(8, "0") + data + "00000000";
const [first] = new Parser(Buffer.from(packet, "hex")).getAvl().records;
console.log(first.properties_count, first.ioElements.length);
for (const { id, value, label } of first.ioElements.filter((one) => one.id === 66)) console.log(id, label, value);
JS
node look.cjs >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
11 27
66 Ext Voltage 22074
66 Ext Voltage 1446641664
SEEN
