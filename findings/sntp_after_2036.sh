#!/usr/bin/env bash
# The seconds of NTP begin anew on 2036-02-07. RFC 4330 (section 3) and RFC 5905 (section 6) say how to tell: without its topmost bit
# a time is after that day, not in 1900. PyPI ntplib 0.4.0 and npm ntp-packet-parser 0.5.0 take it for 1900: a logger that is flashed
# today and asks for the time in ten years writes readings of its grandparents.
# Seen: one minute before is right in both, one minute after is 1900-01-01 00:01:00.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ntp-packet-parser@0.5.0
pip install --quiet --disable-pip-version-check --target packages ntplib==0.4.0 2>/dev/null
cat >look.py <<'PY'
import datetime, struct, sys
import ntplib

begins_anew = datetime.datetime(2036, 2, 7, 6, 28, 16)
for minutes in (-1, 1):
    seconds = (60 * minutes) % 2**32
    # Version 4 from a server with a GPS receiver; the same second in all four times.
    answer = struct.pack("!BBBb3I8I", 0x24, 1, 6, -20, 0, 0, 0x47505300, *(seconds, 0) * 4)
    stats = ntplib.NTPStats()
    stats.from_data(answer)
    read = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=stats.tx_time)
    print("is", begins_anew + datetime.timedelta(minutes=minutes), "ntplib", read, flush=True)
    print(answer.hex(), file=sys.stderr)
PY
cat >look.cjs <<'JS'
const { NtpPacketParser } = require("ntp-packet-parser");
for (const line of require("fs").readFileSync("answers", "utf8").trim().split("\n")) {
  console.log("ntp-packet-parser", NtpPacketParser.parse(Buffer.from(line, "hex")).transmitTimestamp.toISOString());
}
JS
{ PYTHONPATH=packages python3 look.py 2>answers; node look.cjs; } >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
is 2036-02-07 06:27:16 ntplib 2036-02-07 06:27:16
is 2036-02-07 06:29:16 ntplib 1900-01-01 00:01:00
ntp-packet-parser 2036-02-07T06:27:16.000Z
ntp-packet-parser 1900-01-01T00:01:00.000Z
SEEN
