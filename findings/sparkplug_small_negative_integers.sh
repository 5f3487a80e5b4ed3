#!/usr/bin/env bash
# Sparkplug 3.0.0 (6.4.16) sends Int8 and Int16 in the field `int_value`, a protobuf uint32, and does not say in how many bits a
# number below zero stands there. PyPI pysparkplug 0.6.1 writes 8 or 16 bits, npm sparkplug-payload 1.0.3 writes 32. So -5 °C of the
# one is 251 °C for the other, and back it is an error; Int32 and Int64 agree.
# Seen: 251 and 65531 in one direction, OverflowError in the other.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts sparkplug-payload@1.0.3
pip install --quiet --disable-pip-version-check --target packages pysparkplug==0.6.1 2>/dev/null
cat >say.py <<'PY'
from pysparkplug import DataType, DBirth, Metric

for kind in ("INT8", "INT16", "INT32", "INT64"):
    metric = Metric(timestamp=1, name="t", datatype=DataType[kind], value=-5)
    print(DBirth(timestamp=1, seq=0, metrics=(metric,)).encode().hex())
PY
cat >hear.py <<'PY'
import sys
from pysparkplug import DBirth

for line in sys.stdin:
    try:
        print("to Python", DBirth.decode(bytes.fromhex(line)).metrics[0].value)
    except OverflowError as error:
        print("to Python", type(error).__name__)
PY
cat >both.cjs <<'JS'
const payload = require("sparkplug-payload").get("spBv1.0");
if (process.argv[2] === "say") {
  for (const type of ["Int8", "Int16", "Int32", "Int64"]) {
    const metrics = [{ name: "t", timestamp: 1, type, value: -5 }];
    console.log(Buffer.from(payload.encodePayload({ timestamp: 1, seq: 0, metrics })).toString("hex"));
  }
} else {
  for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) {
    console.log("to npm", String(payload.decodePayload(Buffer.from(line, "hex")).metrics[0].value));
  }
}
JS
export PYTHONPATH=packages
{ python3 say.py | node both.cjs hear; node both.cjs say | python3 hear.py; } >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
to npm 251
to npm 65531
to npm -5
to npm -5
to Python OverflowError
to Python OverflowError
to Python -5
to Python -5
SEEN
