// Where the page lies: "" at the root of its host, "/hub" where a proxy shows it below a path. PURE.
//
// Told by the address of this very module, which is one folder below the page in the build (`assets/`) and in
// development (`src/`); in tests it has none.

export function below(module: string): string {
  const { protocol, pathname } = new URL("..", module);
  return protocol.startsWith("http") ? pathname.replace(/\/$/, "") : "";
}

export const BASE = below(import.meta.url);

/** An address of the page or the API as the browser needs it. */
export const pathTo = (path: string): string => BASE + path;

/** A path of the address bar as the page knows it. */
export function inside(path: string, base = BASE): string {
  return path === base || path.startsWith(`${base}/`) ? path.slice(base.length) || "/" : path;
}
