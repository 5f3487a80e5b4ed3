#!/usr/bin/env bash
# npm p1-reader 2.0.6 reads a meter's time by setting year, month and day one after the other on a Date of now. Where
# today's day does not exist in the telegram's month, the month has rolled over before the day is set: read on the 31st,
# a power failure of 15 June is filed under 15 July. The same telegram gives another answer on another day.
# Seen: one timestamp, read on 30 and on 31 October (the clock is set in the test), a month apart. The hour is given out
# as UTC although the meter says that it is summer time.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts p1-reader@2.0.6
cat >look.cjs <<'JS'
const parse = require("p1-reader/lib/parsePacket"), Real = Date;
const telegram = "/XXX5TEST\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0(260615120000S)\r\n1-0:1.8.1(000100.000*kWh)\r\n!0000\r\n";
for (const today of ["2026-10-30T08:00:00Z", "2026-10-31T08:00:00Z"]) {
  global.Date = class extends Real { constructor(...given) { super(...(given.length ? given : [today])); } };
  console.log(today.slice(0, 10), parse(telegram).timestamp);
}
JS
node look.cjs >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
2026-10-30 2026-06-15T12:00:00.000Z
2026-10-31 2026-07-15T12:00:00.000Z
SEEN
