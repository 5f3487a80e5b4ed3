#!/usr/bin/env bash
# DLMS/COSEM date-times carry minutes to UTC: 0 is UTC, 0x8000 is "not specified". PyPI dlms-cosem 21.3.2 gives a datetime
# without a zone for both, and Python then takes a meter's UTC for the local time of whoever reads it.
# Seen: four meters at one wall-clock time, read in Helsinki (summer): that of the UTC meter is three hours off.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages dlms-cosem==21.3.2 2>/dev/null
cat >look.py <<'PY'
from dlms_cosem.time import datetime_from_bytes

# 2026-07-15, day of the week unknown, 12:00:00, hundredths unknown; deviation; clock status.
for said, deviation in (("UTC+2", -120), ("UTC", 0), ("UTC-1", 60), ("unknown", -0x8000)):
    at, _ = datetime_from_bytes(bytes.fromhex("07ea070fff0c0000ff") + deviation.to_bytes(2, "big", signed=True) + b"\x00")
    print(said, at.tzinfo is not None, int(at.timestamp()) - 1784116800)
PY
TZ=Europe/Helsinki PYTHONPATH=packages python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
UTC+2 True -7200
UTC False -10800
UTC-1 True 3600
unknown False -10800
SEEN
