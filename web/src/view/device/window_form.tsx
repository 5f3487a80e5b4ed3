// The two fields of a window, and spans that are less often wanted: fetched by whoever opens them.

import { useState } from "preact/hooks";
import { serverNow } from "../../app";
import { fieldOf, MORE_SPANS, momentOf, wrongWindow } from "../../picker";
import { between, type Range } from "../../route";
import { zone } from "../../zone";
import { Field } from "../controls";

export function WindowForm({
  window,
  live,
  choose,
}: {
  window: { from: number; to: number };
  live: boolean;
  choose: (range: Range) => void;
}) {
  const [from, setFrom] = useState(() => fieldOf(window.from));
  const [to, setTo] = useState(() => (live ? "" : fieldOf(window.to)));
  const [problem, setProblem] = useState<ReturnType<typeof wrongWindow>>(null);
  const apply = (event: Event) => {
    event.preventDefault();
    const wrong = wrongWindow(from, to, serverNow());
    setProblem(wrong);
    if (!wrong)
      choose(to.trim() === "" ? { from: String(momentOf(from)), to: "now" } : between(momentOf(from)!, momentOf(to)!));
  };
  const field = (name: "from" | "to", label: string, value: string, set: (text: string) => void) => (
    <Field label={label} problem={problem?.field === name ? problem.problem : undefined}>
      <input
        class="input"
        type="datetime-local"
        step="1"
        value={value}
        onInput={(event) => {
          set(event.currentTarget.value);
          setProblem(null);
        }}
      />
    </Field>
  );
  return (
    <form class="menu-body card" onSubmit={apply}>
      <div class="row wrap">
        {MORE_SPANS.map(([span, label]) => (
          <button type="button" class="button" key={span} onClick={() => choose({ from: `now-${span}`, to: "now" })}>
            {label}
          </button>
        ))}
      </div>
      {field("from", "From", from, setFrom)}
      {field("to", "To (empty: now)", to, setTo)}
      <div class="spread">
        <span class="small quiet">{zone()}</span>
        <button type="submit" class="button primary">
          Show
        </button>
      </div>
    </form>
  );
}
