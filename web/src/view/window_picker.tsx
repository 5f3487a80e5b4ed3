// Which time the charts show: a span up to now in one click, or from and to in two fields.

import { useEffect, useRef, useState } from "preact/hooks";
import { serverNow } from "../app";
import { stamp } from "../format";
import { fieldOf, MORE_SPANS, momentOf, SPANS, wrongWindow } from "../picker";
import { between, type Range } from "../route";
import { zone } from "../zone";
import { Field } from "./controls";

export function WindowPicker({ range, window, live, show }: { range: Range; window: { from: number; to: number }; live: boolean; show: (range: Range) => void }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [problem, setProblem] = useState<ReturnType<typeof wrongWindow>>(null);
  useEffect(() => {
    const outside = (event: Event) => {
      if (menu.current?.open && !menu.current.contains(event.target as Node)) menu.current.open = false;
    };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, []);
  const opened = () => {
    if (!menu.current?.open) return;
    setFrom(fieldOf(window.from));
    setTo(live ? "" : fieldOf(window.to));
    setProblem(null);
  };
  const choose = (chosen: Range) => {
    if (menu.current) menu.current.open = false;
    show(chosen);
  };
  const apply = (event: Event) => {
    event.preventDefault();
    const wrong = wrongWindow(from, to, serverNow());
    setProblem(wrong);
    if (!wrong) choose(to.trim() === "" ? { from: String(momentOf(from)), to: "now" } : between(momentOf(from)!, momentOf(to)!));
  };
  const custom = !SPANS.some(([span]) => live && range.from === `now-${span}`);
  const field = (name: "from" | "to", label: string, value: string, set: (text: string) => void) => (
    <Field label={label}>
      <input class="input" type="datetime-local" step="1" aria-invalid={problem?.field === name} value={value} onInput={(event) => { set(event.currentTarget.value); setProblem(null); }} />
    </Field>
  );
  return (
    <>
      <div class="segments" role="group" aria-label="Window">
        {SPANS.map(([span, label]) => (
          <button type="button" key={span} aria-pressed={range.from === `now-${span}` && live} onClick={() => show({ from: `now-${span}`, to: "now" })}>{label}</button>
        ))}
      </div>
      <details class="menu" ref={menu} onToggle={opened}>
        <summary class={`button ${custom ? "set" : ""}`} title="From and to">{live ? (MORE_SPANS.find(([span]) => range.from === `now-${span}`)?.[1] ?? "From – to") : <span class="shown">{shown(window)}</span>}</summary>
        <form class="menu-body card" onSubmit={apply}>
          <div class="row wrap">{MORE_SPANS.map(([span, label]) => <button type="button" class="button" key={span} onClick={() => choose({ from: `now-${span}`, to: "now" })}>{label}</button>)}</div>
          {field("from", "From", from, setFrom)}
          {field("to", "To (empty: now)", to, setTo)}
          {problem ? <p class="problem" role="alert">{problem.problem}</p> : null}
          <div class="spread"><span class="small quiet">{zone()}</span><button class="button primary">Show</button></div>
        </form>
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
