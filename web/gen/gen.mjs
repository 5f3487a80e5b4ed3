// Writes src/api.gen.ts from the hub's OpenAPI document (env OPENAPI, else ../hub/docs/openapi.json), and src/names.gen.ts
// and src/signs.gen.ts from its tables of names and units for people. With --check it writes nothing and fails when a file on disk is stale.
//
// Only the schemas: the page names its routes in src/api.ts, and types of paths nobody imports would be noise.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const web = fileURLToPath(new URL("..", import.meta.url));
const source = resolve(process.env.OPENAPI ?? `${web}/../hub/docs/openapi.json`);
const header = "// Generated from the hub's OpenAPI document by `npm run gen`; do not edit.\n";
const document = JSON.parse(readFileSync(source, "utf8"));
const api = header + astToString(await openapi({ ...document, paths: {} }, { silent: true }));

const table = readFileSync(`${web}/../hub/src/model/called.txt`, "utf8").split("\n");
const rows = table.filter((row) => row && !row.startsWith("#")).map((row) => row.split(/ +(.*)/s).slice(0, 2));
const signed = readFileSync(`${web}/../hub/src/model/signs.txt`, "utf8").split("\n");
const signs =
  "// Generated from hub/src/model/signs.txt by `npm run gen`; do not edit.\n" +
  "export const SIGNS: Readonly<Record<string, string>> = {\n" +
  signed
    .filter((row) => row && !row.startsWith("#"))
    .map((row) => row.split(/ +(.*)/s))
    .map(
      ([unit, sign = ""]) =>
        `  ${/^[a-z]\w*$/i.test(unit) || unit === "1" ? unit : JSON.stringify(unit)}: ${JSON.stringify(sign)},\n`,
    )
    .join("") +
  "};\n";
const names =
  "// Generated from hub/src/model/called.txt by `npm run gen`; do not edit.\n" +
  "export const NAMES: readonly (readonly [string, string])[] = [\n" +
  rows.map((row) => `  [${row.map((text) => JSON.stringify(text)).join(", ")}],\n`).join("") +
  "];\n";

for (const [name, text] of [
  ["api.gen.ts", api],
  ["names.gen.ts", names],
  ["signs.gen.ts", signs],
]) {
  const target = `${web}/src/${name}`;
  if (!process.argv.includes("--check")) writeFileSync(target, text);
  else if (readFileSync(target, "utf8") !== text) {
    console.error(`src/${name} is stale: run \`npm run gen\``);
    process.exitCode = 1;
  }
}
