#!/usr/bin/env bash
# PyPI senml 0.1.0 takes base name, time, unit and value from the first record of a pack only. RFC 8428, section 4.1:
# a base field applies from the record it stands in until another of its kind, so that a gateway sends several devices in
# one pack. Seen: the readings of the second thermometer come out under the name, the time and the unit of the first.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages senml==0.1.0 2>/dev/null
cat >look.py <<'PY'
from senml import SenMLDocument
pack = [
    {"bn": "cellar:", "bt": 1700000000, "bu": "Cel", "n": "t", "v": 11.5},
    {"n": "t", "t": 60, "v": 11.6},
    {"bn": "roof:", "bt": 1700003600, "bu": "K", "n": "t", "v": 268.15},
    {"n": "t", "t": 60, "v": 268.25},
]
document = SenMLDocument.from_json(pack)
for one in document.measurements:
    one = one.to_absolute(document.base)
    print(one.name, int(one.time), one.unit, one.value)
PY
PYTHONPATH=packages python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
cellar:t 1700000000 Cel 11.5
cellar:t 1700000060 Cel 11.6
cellar:t 1700000000 Cel 268.15
cellar:t 1700000060 Cel 268.25
SEEN
