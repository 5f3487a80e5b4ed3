#!/usr/bin/env bash
# Thermometers and other medical devices of Bluetooth send FLOAT and SFLOAT of IEEE 11073-20601: a mantissa, and an exponent of ten, both
# two's complement; the Personal Health Devices Transcoding White Paper has FF00016C for 36.4. PyPI bluetooth-sig 0.6.0 subtracts
# a bias of 128 (of 8) from the exponent instead, in both directions, so that its own round trips agree.
# Seen: 36.4 °C is 3.64e+129; as SFLOAT 120 is 0.0000012 and 12.0 is 1200000000; and it writes 36.4 as 364000e124.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
pip install --quiet --disable-pip-version-check --target packages bluetooth-sig==0.6.0 2>/dev/null
cat >look.py <<'PY'
from bluetooth_sig import BluetoothSIGTranslator
from bluetooth_sig.gatt.characteristics.utils.ieee11073_parser import IEEE11073Parser

# 2A1C, Temperature Measurement: no flags, then FF00016C from its lowest byte on.
told = bytes([0x00, 0x6C, 0x01, 0x00, 0xFF])
print(BluetoothSIGTranslator().parse_characteristic("2A1C", told).temperature)
for hexadecimal in ("7800", "78F0"):
    print(hexadecimal, IEEE11073Parser.parse_sfloat(bytearray.fromhex(hexadecimal)))
wrote = IEEE11073Parser.encode_float32(36.4)
print(int.from_bytes(wrote[:3], "little", signed=True), int.from_bytes(wrote[3:], "little", signed=True))
PY
PYTHONPATH=packages python3 look.py >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
3.64e+129
7800 1.2e-06
78F0 1200000000.0
364000 124
SEEN
