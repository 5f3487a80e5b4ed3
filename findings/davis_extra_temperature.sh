#!/usr/bin/env bash
# A Davis weather station tells its extra thermometers twice: now (LOOP) and in its memory (DMP), each as one byte, degrees Fahrenheit
# and 90 more (Serial Communication Reference 2.6.1). PyPI PyVantagePro 0.3.2 takes the 90 off what is in memory only, so a live
# chart and the history of one thermometer lie 50 °C apart. What is colder than 0 °F outside is hotter than 6500 in both.
# Seen: the byte 150 is 150 °F now and 60 °F in memory; -4 °F is 6549.6.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages PyVantagePro==0.3.2 2>/dev/null
cat >look.py <<'PY'
import datetime, struct
from pyvantagepro.parser import ArchiveDataParserRevB, LoopDataParserRevB

outside, extra = struct.pack("<h", -40), bytes([150])
now = bytearray(99)
now[12:14], now[18:19] = outside, extra
memory = bytearray(52)
memory[0:2] = struct.pack("<H", 30 + 11 * 32 + 26 * 512)  # 2026-11-30
memory[4:6], memory[45:46] = outside, extra
for name, read in (
    ("now", LoopDataParserRevB(bytes(now), datetime.datetime(2026, 11, 30))),
    ("memory", ArchiveDataParserRevB(bytes(memory))),
):
    print(name, read["ExtraTemps01"], read["TempOut"])
PY
PYTHONPATH=packages python3 look.py >seen 2>log || { cat log >&2; exit 1; }
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
now 150 6549.6
memory 60 6549.6
SEEN
