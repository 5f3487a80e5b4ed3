#!/usr/bin/env bash
# npm ds18b20 0.1.0 reads the nine zero bytes of a bus that is held low (a probe pulled out, a short) as 0 degrees: the
# CRC of eight zeros is zero, so the kernel says YES. A failed checksum comes back as `false`, which is 0 in arithmetic.
# Seen: 0 for a bus without a probe, and an average over one good and one damaged answer that is half of the truth.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ds18b20@0.1.0
cat >look.cjs <<'JS'
const { parseData } = require("ds18b20");
const text = (pad, verdict, t) => `${pad} : crc=${pad.slice(-2)} ${verdict}\n${pad} t=${t}\n`;
const zeros = parseData(text("00 00 00 00 00 00 00 00 00", "YES", 0), {});
const good = parseData(text("50 01 4b 46 7f ff 10 10 d9", "YES", 21000), {});
const damaged = parseData(text("50 01 4b 46 7f ff 10 10 00", "NO", 21000), {});
console.log(JSON.stringify({ zeros, good, damaged, mean: (good + damaged) / 2 }));
JS
node look.cjs >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
{"zeros":0,"good":21,"damaged":false,"mean":10.5}
SEEN
