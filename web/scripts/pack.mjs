// Puts a .gz beside every text file of the build: the hub sends it as it is and compresses nothing itself.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const files = readdirSync(dist, { recursive: true }).map(String).filter((file) => /\.(html|js|css|svg)$/.test(file));
for (const file of files) {
  const packed = gzipSync(readFileSync(new URL(file, dist)), { level: 9 });
  writeFileSync(new URL(`${file}.gz`, dist), packed);
}
console.log(`${files.length} files packed`);
