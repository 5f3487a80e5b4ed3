#!/usr/bin/env bash
# PyPI bme280 0.7 makes the calibration words of Bosch's barometers signed in two loops that each end one word early: the
# third for temperature and the ninth for pressure stay unsigned. Chips whose third word is negative are common; the
# worked example of the BMP280's datasheet (section 3.12) has -1000 there, and 25.08 degrees as its result.
# Seen: 29.83 degrees for the registers of that example, and 25.08 as soon as the word is read as signed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages bme280==0.7 2>/dev/null
mkdir stub && echo 'class SMBus: pass' >stub/smbus.py
cat >look.py <<'PY'
import struct
from bme280 import bme280, bme280_i2c

words = struct.pack("<HhhHhhhhhhhh", 27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
registers = {0x88 + at: byte for at, byte in enumerate(words)}
bme280_i2c.read_byte_data = lambda register, *_: registers.get(register, 0)
bme280.reset_calibration()
bme280.populate_calibration_data()
print(bme280.calibration_t, round(bme280.compensate_temperature(519888), 2))
bme280.calibration_t[2] = -1000
print(bme280.calibration_t, round(bme280.compensate_temperature(519888), 2))
PY
PYTHONPATH=packages:stub python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
[27504, 26435, 64536] 29.83
[27504, 26435, -1000] 25.08
SEEN
