// Draws the icons of a phone's home screen from src/icon.svg into public/. To be run again when the mark changes.
//
// A maskable icon is cut to any shape by the phone: the colour goes to the edge and the line stays in the middle.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { CHROMIUM, LAUNCH } from "../e2e/stage.mjs";

const mark = readFileSync(new URL("../src/icon.svg", import.meta.url), "utf8");
const square = mark.replace('rx="8"', 'rx="0"');
const ICONS = [
  ["icon-192", 192, mark],
  ["icon-512", 512, mark],
  ["icon-maskable-512", 512, square],
  ["apple-touch-icon", 180, square],
];

const browser = await chromium.launch({ executablePath: CHROMIUM, args: LAUNCH });
for (const [name, size, svg] of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block;width:100vw;height:100vh}</style>${svg}`);
  await page.screenshot({
    path: fileURLToPath(new URL(`../public/${name}.png`, import.meta.url)),
    omitBackground: true,
  });
}
await browser.close();
