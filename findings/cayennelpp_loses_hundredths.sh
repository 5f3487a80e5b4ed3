#!/usr/bin/env bash
# PyPI pycayennelpp 2.4.0 multiplies by the type's resolution and cuts off, without rounding: 0.29 * 100 is
# 28.999999999999996 in binary, so 0.29 leaves as 0.28. An analog channel carries exactly two decimals, and of the values
# from 0.00 to 299.99 that it can carry one in sixteen arrives one hundredth too low.
# Seen: 1,849 of 30,000, the first 0.29, 0.57 and 0.58; a temperature (one decimal) of 0.0 to 99.9 survives.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages pycayennelpp==2.4.0 2>/dev/null
cat >look.py <<'PY'
from cayennelpp import LppFrame

def there_and_back(add, value):
    frame = LppFrame()
    add(frame, 1, value)
    return LppFrame().from_bytes(bytes(frame)).data[0].value[0]

wrong = [hundredths / 100 for hundredths in range(30000)
         if there_and_back(LppFrame.add_analog_input, hundredths / 100) != hundredths / 100]
print("analog", len(wrong), [(value, there_and_back(LppFrame.add_analog_input, value)) for value in wrong[:3]])
print("temperature", sum(there_and_back(LppFrame.add_temperature, tenths / 10) != tenths / 10 for tenths in range(1000)))
PY
PYTHONPATH=packages python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
analog 1849 [(0.29, 0.28), (0.57, 0.56), (0.58, 0.57)]
temperature 0
SEEN
