// Messages that come and go, on every screen and at the door.

import { useEffect } from "preact/hooks";
import { dispatch, part } from "../app";
import { clean } from "../format";

const route = part((s) => s.route);
const toasts = part((s) => s.toasts);

/** How long a toast stays: long enough to read it twice. */
const TOAST_MS = 8_000;

export function Toasts() {
  return (
    <div class="toasts" role="log" aria-live="polite" aria-label="Messages">
      {toasts.value.map((toast) => (
        <ToastCard key={toast.id} {...toast} />
      ))}
    </div>
  );
}

function ToastCard({ id, tone, text, href }: { id: string; tone: string; text: string; href: string | null }) {
  const close = () => dispatch({ kind: "toast closed", id });
  useEffect(() => {
    const timer = setTimeout(close, TOAST_MS);
    return () => clearTimeout(timer);
  }, [id, text]);
  return (
    <div class={`toast ${tone}`}>
      <div>
        {tone === "alert" ? <strong>Alert firing. </strong> : null}
        {clean(text, 240)} {href && route.value.view !== "alerts" ? <a href={href}>Show alerts</a> : null}
      </div>
      <button type="button" class="button plain" aria-label="Close message" onClick={close}>
        ✕
      </button>
    </div>
  );
}
