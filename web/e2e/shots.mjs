// Looks at what is on the screen as people do: at a desk and on a phone, light and dark. Nothing may stick out
// sideways, and nobody may be shut out.
//
//   SHOTS                a directory for the pictures (default: none)

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SHOTS = process.env.SHOTS;
const axe = await readFile(fileURLToPath(new URL("../node_modules/axe-core/axe.min.js", import.meta.url)), "utf8");
const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

/** The page as it is, in both sizes and themes; ends as it began. */
export async function look(page, name) {
  if (SHOTS) await mkdir(SHOTS, { recursive: true });
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await page.waitForFunction(
      (width) => innerWidth === width && document.documentElement.scrollWidth <= width,
      size.width,
    );
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      if (SHOTS)
        await page.screenshot({ path: join(SHOTS, `${name}-${size.width}-${colorScheme}.png`), fullPage: true });
      if (size.width === SIZES[0].width) assert.deepEqual(await violations(page), [], `${name}, ${colorScheme}`);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(SIZES[0]);
}

/** Findings of axe, each as one line: all but the minor ones. */
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map((node) => node.target.join(" ")) }));
  });
  return found.filter(({ impact }) => impact !== "minor").map(({ id, at }) => `${id}: ${at.join(", ")}`);
}
