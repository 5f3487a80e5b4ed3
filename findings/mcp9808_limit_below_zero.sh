#!/usr/bin/env bash
# The limits of an MCP9808 are two's complement like its temperature (Microchip DS25095A, register 5-2). PyPI
# adafruit-circuitpython-mcp9808 3.3.32 reads them so, and writes them as a sign and a size: who sets an alarm at -5 °C has one at
# -251 °C, and the freezer that thaws rings from the first moment, or never.
# Seen: 5 reads back as 5, -5 as -251 and -20 as -236.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --no-deps --target packages adafruit-circuitpython-mcp9808==3.3.32 \
  adafruit-circuitpython-busdevice==5.2.17 adafruit-circuitpython-register==1.13.0 \
  adafruit-circuitpython-typing==1.13.0 typing_extensions==4.16.0 2>/dev/null
# What Blinka gives these drivers on a board.
echo "def const(x): return x" >micropython.py; printf "class I2C: pass\nclass SPI: pass\n" >busio.py; echo "class DigitalInOut: pass" >digitalio.py
cat >look.py <<'PY'
import adafruit_mcp9808


class Bus:
    """An I2C bus with the registers of an MCP9808: what it is, and what is written to it."""

    def __init__(self):
        self.registers = {6: b"\x00\x54", 7: b"\x04\x00"}

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def writeto(self, address, buffer, *, start=0, end=None):
        written = bytes(buffer[start:end])
        if len(written) > 1:
            self.registers[written[0]] = written[1:]

    def writeto_then_readfrom(self, address, out, into, *, in_start=0, in_end=None, **_):
        many = len(into[in_start:in_end])
        into[in_start : in_start + many] = self.registers[out[0]][:many]


chip = adafruit_mcp9808.MCP9808(Bus())
for celsius in (30, 5, -5, -20):
    chip.upper_temperature = celsius
    print(celsius, chip.upper_temperature)
PY
PYTHONPATH=packages:. python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
30 30.0
5 5.0
-5 -251.0
-20 -236.0
SEEN
