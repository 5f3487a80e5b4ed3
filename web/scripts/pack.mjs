// Puts a .br and a .gz beside every text file of the build: the hub sends them as they are and packs none of it itself.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const files = readdirSync(dist, { recursive: true })
  .map(String)
  .filter((file) => /\.(html|js|css|svg)$/.test(file));
for (const file of files) {
  const plain = readFileSync(new URL(file, dist));
  writeFileSync(new URL(`${file}.gz`, dist), gzipSync(plain, { level: 9 }));
  writeFileSync(new URL(`${file}.br`, dist), brotliCompressSync(plain));
}
console.log(`${files.length} files packed`);
