// Pictures of a walk, side by side with what happens in each: how the README shows it.

import { writeFile } from "node:fs/promises";

/** Twice the width at which a README is read. */
const WIDTH = 1_800;

/**
 * Puts frames into one picture. A frame has a `caption`, and a `picture` (PNG) or a `text` (what a terminal showed).
 */
export async function strip(browser, frames, path) {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 700 } });
  const html = frames.map(
    ({ caption, picture, text }, i) =>
      `<figure><figcaption><b>${i + 1}</b> ${caption}</figcaption>${
        picture
          ? `<img src="data:image/png;base64,${picture.toString("base64")}">`
          : `<pre>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</pre>`
      }</figure>`,
  );
  await page.setContent(`<!doctype html><style>
    body { margin: 0; padding: 12px; width: ${WIDTH}px; box-sizing: border-box; background: #fff; color: #1b2430;
           display: grid; grid-template-columns: repeat(${frames.length}, 1fr); gap: 16px;
           font: 19px/1.3 system-ui, sans-serif }
    figure { margin: 0; min-width: 0; display: grid; grid-template-rows: auto 1fr; gap: 8px }
    figcaption b { display: inline-grid; place-items: center; width: 1.5em; height: 1.5em; border-radius: 50%;
                   background: #0072b2; color: #fff; font-size: 0.85em }
    img, pre { width: 100%; box-sizing: border-box; margin: 0; border: 1px solid #c9d1da; border-radius: 8px }
    img { display: block }
    pre { background: #10161d; color: #dbe4ec; padding: 16px; font: 13.5px/1.5 "DejaVu Sans Mono", monospace;
          white-space: pre-wrap; overflow-wrap: anywhere }
  </style>${html.join("")}`);
  const body = await page.locator("body").boundingBox();
  await writeFile(
    path,
    await page.screenshot({ clip: { x: 0, y: 0, width: WIDTH, height: Math.ceil(body.height) }, fullPage: true }),
  );
  await page.close();
}
