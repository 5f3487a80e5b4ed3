// No line is wider than the formatter would write it, also where it leaves the line as it is: comments and texts.
import { readdirSync, readFileSync } from "node:fs";

// As in biome.jsonc.
const COLUMNS = 120;
const files = ["src", "e2e", "scripts"]
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => `${folder}/${file}`))
  .filter((file) => /\.(ts|tsx|mjs|css)$/.test(file) && !file.endsWith(".gen.ts"));
for (const file of files) {
  for (const [at, line] of readFileSync(file, "utf8").split("\n").entries()) {
    if (line.length <= COLUMNS) continue;
    console.error(`${file}:${at + 1}: ${line.length} columns, ${COLUMNS} at most: break the comment or the text`);
    process.exitCode = 1;
  }
}
