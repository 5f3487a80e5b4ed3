#!/usr/bin/env bash
# UCUM writes 30 dB above one watt as 30 dB[W]: the deci stands before the bel, inside the logarithm, and it is 1,000 W.
# npm @atomic-ehr/ucum 0.2.5 applies the prefix after the logarithm is undone, where it no longer belongs; npm
# @lhncbc/ucum-lhc 7.1.10 has it right. Seen: 1000 W and 1e29 W from one text, and no error from either.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @atomic-ehr/ucum@0.2.5 @lhncbc/ucum-lhc@7.1.10
cat >look.mjs <<'JS'
import { ucum } from "@atomic-ehr/ucum";
import lhc from "@lhncbc/ucum-lhc";
const other = lhc.UcumLhcUtils.getInstance();
for (const [value, from, to] of [[3, "B[W]", "W"], [30, "dB[W]", "W"], [94, "dB[SPL]", "Pa"]])
  console.log(value, from, to, Number(ucum.convert(value, from, to)).toPrecision(4),
    Number(other.convertUnitTo(from, value, to).toVal).toPrecision(4));
JS
node look.mjs >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
3 B[W] W 1000 1000
30 dB[W] W 1.000e+29 1000
94 dB[SPL] Pa 1.000e+41 1.002
SEEN
