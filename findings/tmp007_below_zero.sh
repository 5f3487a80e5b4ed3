#!/usr/bin/env bash
# The TMP007 gives temperatures as 14 bits of two's complement, 1/32 °C each (TI SBOS685B, registers 01h and 03h). PyPI
# adafruit-circuitpython-tmp007 2.1.22 takes them for positive: what is colder than 0 °C is hotter than 500.
# Seen: 0 °C is right, -0.5 °C is 511.5 and -10 °C is 502, of the object and of the chip itself.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --no-deps --target packages \
  adafruit-circuitpython-tmp007==2.1.22 adafruit-circuitpython-busdevice==5.2.17 \
  adafruit-circuitpython-typing==1.13.0 typing_extensions==4.16.0 2>/dev/null
# What Blinka gives these drivers on a board.
echo "def const(x): return x" >micropython.py; printf "class I2C: pass\nclass SPI: pass\n" >busio.py; echo "class DigitalInOut: pass" >digitalio.py
cat >look.py <<'PY'
import adafruit_tmp007


class Bus:
    """An I2C bus with a TMP007 that measures so much."""

    def __init__(self, celsius):
        measured = (round(celsius * 32) << 2).to_bytes(2, "big", signed=True)
        self.registers = {0x1F: b"\x00\x78", 0x01: measured, 0x03: measured}

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def writeto(self, address, buffer, **_):
        pass

    def writeto_then_readfrom(self, address, out, into, **_):
        into[:2] = self.registers.get(out[0], bytes(2))


for celsius in (25, 0, -0.5, -10):
    chip = adafruit_tmp007.TMP007(Bus(celsius))
    print(celsius, chip.temperature, chip.die_temperature)
PY
PYTHONPATH=packages:. python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
25 25.0 25.0
0 0.0 0.0
-0.5 511.5 511.5
-10 502.0 502.0
SEEN
