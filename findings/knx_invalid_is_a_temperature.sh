#!/usr/bin/env bash
# A KNX sensor that has no value says so with the number 0x7FFF (datapoint types 9.xxx, "invalid data"). npm knx 2.5.4 and
# knxultimate 5.4.0 read it like any other: 670,760.96 degrees, and as much per cent of humidity. xknx 4.0.0 from PyPI refuses it
# ("Invalid data"). Who stores what the first two say has a peak that no scale survives, and no sign that a sensor failed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts knx@2.5.4 knxultimate@5.4.0 >/dev/null 2>&1
pip install --quiet --disable-pip-version-check --target packages xknx==4.0.0 2>/dev/null
cat >look.cjs <<'JS'
const libraries = { knx: require("knx/src/dptlib"), knxultimate: require("knxultimate").dptlib };
for (const [name, library] of Object.entries(libraries)) {
  const read = (type, hex) => library.fromBuffer(Buffer.from(hex, "hex"), library.resolve(type));
  console.log(name, read("DPT9.001", "0c1a"), read("DPT9.001", "7fff"), read("DPT9.007", "7fff"));
}
JS
cat >look.py <<'PY'
from xknx.dpt import DPTArray, DPTTemperature
from xknx.exceptions import ConversionError

print("xknx", DPTTemperature.from_knx(DPTArray((0x0C, 0x1A))), end=" ")
try:
    print(DPTTemperature.from_knx(DPTArray((0x7F, 0xFF))))
except ConversionError:
    print("refused")
PY
{ node look.cjs; PYTHONPATH=packages python3 look.py; } >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
knx 21 670760.96 670760.96
knxultimate 21 670760.96 670760.96
xknx 21.0 refused
SEEN
