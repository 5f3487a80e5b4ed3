// The weight gate: what the door downloads, gzipped, must stay under the budget,
// and so must each screen that is fetched later, and all assets raw.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const INITIAL_GZIP = 31_000;
const LATER_GZIP = 27_000;
const ALL_RAW = 432_000;

const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const initial = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map((found) => found[1]);
if (initial.length === 0) throw new Error("index.html names no script and no style: was the page built?");

let gzip = 0;
for (const file of initial) {
  const weight = gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
  gzip += weight;
  console.log(`${String(weight).padStart(8)}  ${file}`);
}
const raw = readdirSync(new URL("assets/", dist))
  .filter((file) => !/\.(gz|br)$/.test(file))
  .reduce((sum, file) => sum + readFileSync(new URL(`assets/${file}`, dist)).length, 0);
console.log(`${String(gzip).padStart(8)}  initial JS + CSS, gzip (limit ${INITIAL_GZIP})`);
console.log(`${String(raw).padStart(8)}  all assets, raw (limit ${ALL_RAW})`);
const later = readdirSync(new URL("assets/", dist)).filter(
  (file) => /\.(js|css)$/.test(file) && !initial.includes(`assets/${file}`),
);
let heaviest = 0;
for (const file of later) {
  const weight = gzipSync(readFileSync(new URL(`assets/${file}`, dist)), { level: 9 }).length;
  heaviest = Math.max(heaviest, weight);
  console.log(`${String(weight).padStart(8)}  later: ${file} (limit ${LATER_GZIP})`);
}
if (gzip > INITIAL_GZIP || heaviest > LATER_GZIP || raw > ALL_RAW) {
  console.error("over the budget");
  process.exit(1);
}
