#!/usr/bin/env bash
# APRS weather reports have two digits for humidity, and 00 stands for 100 % (APRS protocol reference 1.0.1, chapter 12).
# npm aprs-parser 1.0.9 takes it for 0 %: the night with fog becomes the driest of the year. PyPI aprslib 0.7.2 has it right.
# Seen: one report, 0 and 100.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts aprs-parser@1.0.9
pip install --quiet --disable-pip-version-check --target packages aprslib==0.7.2 2>/dev/null
report='N0CALL-1>APRS,TCPIP*:@281200z4903.50N/07201.75W_220/004g005t032r000p000P000h00b10150'
cat >look.cjs <<'JS'
const { APRSParser } = require("aprs-parser");
console.log("aprs-parser", new APRSParser().parse(process.argv[2]).data.weather.humidity);
JS
{
  node look.cjs "$report"
  PYTHONPATH=packages python3 -c 'import aprslib, sys; print("aprslib", aprslib.parse(sys.argv[1])["weather"]["humidity"])' "$report"
} >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
aprs-parser 0
aprslib 100
SEEN
