// Writes src/api.gen.ts from the hub's OpenAPI document (env OPENAPI, else ../hub/docs/openapi.json).
// With --check it writes nothing and fails when the file on disk is stale.
//
// Only the schemas: the page names its routes in src/api.ts, and types of paths nobody imports would be noise.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const web = fileURLToPath(new URL("..", import.meta.url));
const source = resolve(process.env.OPENAPI ?? `${web}/../hub/docs/openapi.json`);
const target = `${web}/src/api.gen.ts`;
const header = "// Generated from the hub's OpenAPI document by `npm run gen`; do not edit.\n";
const document = JSON.parse(readFileSync(source, "utf8"));
const text = header + astToString(await openapi({ ...document, paths: {} }, { silent: true }));

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/api.gen.ts is stale: run `npm run gen`");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
  console.log(`${source} -> src/api.gen.ts`);
}
