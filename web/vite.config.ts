// The build: `src` to `dist` with hashed names, nothing inline, because the hub's Content-Security-Policy allows
// scripts and styles from its own origin only. `npm run dev` proxies the API to a hub on this computer.
import { defineConfig } from "vite";

declare const process: { env: Record<string, string | undefined> };
const hub = process.env["HUB"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  // The hub makes the page's addresses relative to its path; those of the parts are relative to each other.
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: hub, ws: true } } },
});
