// Which time the charts show: a span up to now in one click, or from and to in two fields.

import { useEffect, useRef, useState } from "preact/hooks";
import { stamp } from "../../format";
import { MORE_SPANS, SPANS } from "../../picker";
import type { Range } from "../../route";
import { lazily } from "../lazy";

const form = lazily(() => import("./window_form").then((view) => view.WindowForm));

export function WindowPicker({
  range,
  window,
  live,
  show,
}: {
  range: Range;
  window: { from: number; to: number };
  live: boolean;
  show: (range: Range) => void;
}) {
  const menu = useRef<HTMLDetailsElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const outside = (event: Event) => {
      if (menu.current?.open && !menu.current.contains(event.target as Node)) menu.current.open = false;
    };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, []);
  const choose = (chosen: Range) => {
    if (menu.current) menu.current.open = false;
    show(chosen);
  };
  const custom = !SPANS.some(([span]) => live && range.from === `now-${span}`);
  return (
    <>
      <div class="segments" role="group" aria-label="Window">
        {SPANS.map(([span, label]) => (
          <button
            type="button"
            key={span}
            aria-pressed={range.from === `now-${span}` && live}
            onClick={() => show({ from: `now-${span}`, to: "now" })}
          >
            {label}
          </button>
        ))}
      </div>
      <details class="menu" ref={menu} onToggle={() => setOpen(menu.current?.open ?? false)}>
        <summary class={`button ${custom ? "set" : ""}`} title="From and to">
          {live ? (
            (MORE_SPANS.find(([span]) => range.from === `now-${span}`)?.[1] ?? "From – to")
          ) : (
            <span class="shown">{shown(window)}</span>
          )}
        </summary>
        {open ? <form.View key={`${range.from} ${range.to}`} window={window} live={live} choose={choose} /> : null}
      </details>
    </>
  );
}

/** A paused window in words: its date once, where it lies within one day. */
function shown({ from, to }: { from: number; to: number }): string {
  const [start, end] = [stamp(from), stamp(to)];
  if (start.slice(0, 10) !== end.slice(0, 10)) return `${start.slice(0, 16)} – ${end.slice(0, 16)}`;
  return `${start.slice(0, to - from < 600_000 ? 19 : 16)} – ${end.slice(11, to - from < 600_000 ? 19 : 16)}`;
}
