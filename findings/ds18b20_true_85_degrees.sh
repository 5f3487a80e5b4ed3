#!/usr/bin/env bash
# PyPI w1thermsensor 2.3.0 refuses every 85.0 degrees of a DS18B20 as its power-on value. The scratchpad tells the two
# apart: byte 6 is 0x0c after power-on and 0x10 after a conversion that ended at 85.0. A boiler at 85 degrees has a hole.
# Seen: 84.9375 and 85.0625 are read, the measured 85.0 raises ResetValueError just as the one of the power-on does.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages w1thermsensor==2.3.0 2>/dev/null
mkdir -p bus/28-000000000001 && touch bus/28-000000000001/w1_slave
cat >look.py <<'PY'
import os, pathlib
os.environ["W1THERMSENSOR_NO_KERNEL_MODULE"] = "1"
from w1thermsensor import W1ThermSensor, Sensor
from w1thermsensor.errors import ResetValueError

def crc8(data):
    crc = 0
    for byte in data:
        for bit in range(8):
            crc = (crc >> 1) ^ 0x8C if (crc ^ (byte >> bit)) & 1 else crc >> 1
    return crc

W1ThermSensor.BASE_DIRECTORY = pathlib.Path("bus")
probe = W1ThermSensor(Sensor.DS18B20, "000000000001")
for what, sixteenths, byte6 in (("below", 1359, 0x01), ("measured", 1360, 0x10), ("power-on", 1360, 0x0C), ("above", 1361, 0x0F)):
    pad = bytes([sixteenths & 255, sixteenths >> 8, 0x4B, 0x46, 0x7F, 0xFF, byte6, 0x10])
    pad += bytes([crc8(pad)])
    text = " ".join(f"{byte:02x}" for byte in pad)
    pathlib.Path("bus/28-000000000001/w1_slave").write_text(
        f"{text} : crc={pad[8]:02x} YES\n{text} t={sixteenths * 125 // 2}\n")
    try:
        print(what, probe.get_temperature())
    except ResetValueError:
        print(what, "ResetValueError")
PY
PYTHONPATH=packages python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
below 84.9375
measured ResetValueError
power-on ResetValueError
above 85.0625
SEEN
