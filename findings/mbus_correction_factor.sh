#!/usr/bin/env bash
# PyPI pyMeterBus 0.8.5 reads a value's unit from the VIF and passes over a VIFE that corrects it. EN 13757-3, table of
# combinable VIFEs: E111 0nnn multiplies by 10^(nnn-6), so 0x77 behind a volume in litres makes it tens of litres, and
# 0x70 makes it a millionth. Seen: all three come out as 0.123 m3, with `UNKNOWN_ENHANCEMENT` beside two of them; only a
# reader who knows the standard sees that the meter said 1.23 m3 and 0.000000123 m3.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages pyMeterBus==0.8.5 2>/dev/null
cat >look.py <<'PY'
from meterbus import TelegramVariableDataRecord

# DIF 04: a 32-bit integer; VIF 13: volume in litres, with bit 7 where a VIFE follows; then 123.
for vib in ((0x13,), (0x93, 0x77), (0x93, 0x70)):
    record = TelegramVariableDataRecord()
    record.dib.parts.append(0x04)
    record.vib.parts = list(vib)
    record.dataField.parts = [123, 0, 0, 0]
    said = record.interpreted
    print(bytes(vib).hex(), f"{said['value']:.9f}", said["unit"], said.get("unit_enh", "-"))
PY
PYTHONPATH=packages python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
13 0.123000000 MeasureUnit.M3 -
9377 0.123000000 MeasureUnit.M3 VIFUnitEnhExt.UNKNOWN_ENHANCEMENT
9370 0.123000000 MeasureUnit.M3 VIFUnitEnhExt.UNKNOWN_ENHANCEMENT
SEEN
