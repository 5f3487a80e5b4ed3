#!/usr/bin/env bash
# npm @lhncbc/ucum-lhc 7.1.10 converts a gradient (UCUM %[slope], 100 tan of the angle) to `deg` and gives radians; npm
# @atomic-ehr/ucum 0.2.5 gives degrees. A tilt sensor that reports a gradient of 100 % stands at 45 degrees.
# Seen: 0.7854 and 45, both as `deg`, and the way back of the first takes its degree for a radian too.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @atomic-ehr/ucum@0.2.5 @lhncbc/ucum-lhc@7.1.10
cat >look.mjs <<'JS'
import { ucum } from "@atomic-ehr/ucum";
import lhc from "@lhncbc/ucum-lhc";
const other = lhc.UcumLhcUtils.getInstance();
for (const [value, from, to] of [[100, "%[slope]", "deg"], [1, "deg", "%[slope]"]])
  console.log(value, from, to, Number(other.convertUnitTo(from, value, to).toVal).toPrecision(4),
    Number(ucum.convert(value, from, to)).toPrecision(4));
JS
node look.mjs >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
100 %[slope] deg 0.7854 45.00
1 deg %[slope] 155.7 1.746
SEEN
