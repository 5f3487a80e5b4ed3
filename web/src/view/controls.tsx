// The small pieces every screen is made of: status marks, fields, copyable text, ages. They show; they know nothing.

import { cloneElement, type JSX, type RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { quantity, type Decimals } from "../format";

type Tone = "good" | "warn" | "bad" | "off";

const TONES: Record<string, Tone> = {
  online: "good",
  "was online": "off",
  connecting: "warn",
  offline: "bad",
  blocked: "off",
  pending: "warn",
  firing: "bad",
  unknown: "warn",
  resolved: "good",
  historical: "off",
  delivered: "good",
  failed: "bad",
  failing: "bad",
};

/** A state by shape, colour and word, so that no eye and no ear misses it. */
export function Status({ of }: { of: string }) {
  return (
    <span class={`status ${TONES[of] ?? "off"}`}>
      <Mark of={of} />
      {of}
    </span>
  );
}

function Mark({ of }: { of: string }) {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round" } as const;
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true">
      {of === "online" || of === "delivered" ? (
        <circle cx="6" cy="6" r="5" fill="currentColor" />
      ) : of === "was online" ? (
        <circle cx="6" cy="6" r="4.400" {...line} stroke-width="1.600" stroke-dasharray="2 2.600" />
      ) : of === "offline" || of === "failed" || of === "failing" ? (
        <path d="M2 2l8 8M10 2l-8 8" {...line} />
      ) : of === "pending" || of === "connecting" ? (
        <>
          <circle cx="6" cy="6" r="4.600" {...line} stroke-width="1.600" />
          <path d="M6 3.500V6l1.800 1.200" {...line} stroke-width="1.400" />
        </>
      ) : of === "firing" ? (
        <path d="M6 .6L11.700 11H.3z" fill="currentColor" />
      ) : of === "historical" ? (
        <path d="M6 3v3H3M2 6a4 4 0 1 0 1.200-2.800" {...line} stroke-width="1.600" />
      ) : of === "resolved" ? (
        <path d="M1.500 6.500l3 3 6-7" {...line} />
      ) : (
        <>
          <circle cx="6" cy="6" r="4.800" {...line} stroke-width="1.600" />
          <path d="M2.800 9.200l6.400-6.400" {...line} stroke-width="1.600" />
        </>
      )}
    </svg>
  );
}

/** A shorter name is cut at its end, where it has to be: half of it would say nothing. */
const CUT_FROM = 24;
const TAIL = 10;

/** A name on one line: where it finds no room its middle is left out, since names differ at their ends. */
export function Name({ of }: { of: string }) {
  const all = [...of];
  if (all.length < CUT_FROM) return <>{of}</>;
  return (
    <span class="name-cut">
      <span>{all.slice(0, -TAIL).join("")}</span>
      <span>{all.slice(-TAIL).join("")}</span>
    </span>
  );
}

/** A value with its unit set smaller. */
export function Quantity({
  value,
  unit,
  decimals,
  beside,
}: {
  value: number | null | undefined;
  unit: string;
  decimals?: Decimals | undefined;
  beside?: number | null | undefined;
}) {
  const shown = quantity(value, unit, decimals);
  // Beside a value in the same unit it may be left out.
  const same = beside !== undefined && quantity(beside, unit).unit === shown.unit;
  return (
    <>
      {shown.value}
      {shown.unit === "" ? null : <i class={same ? "same" : undefined}>{`\u202f${shown.unit}`}</i>}
    </>
  );
}

/** A labelled control; its hint is a description, so that the name a reader hears stays short. */
export function Field({
  label,
  hint,
  problem,
  unit,
  children,
}: {
  label: string;
  hint?: string | undefined;
  problem?: string | undefined;
  unit?: string | undefined;
  children: JSX.Element;
}) {
  const id = useId();
  const said = [unit ? `${id}-unit` : "", problem ? `${id}-problem` : hint ? `${id}-hint` : ""]
    .filter((one) => one !== "")
    .join(" ");
  const control = cloneElement(children, {
    id,
    ...(said === "" ? {} : { "aria-describedby": said }),
    ...(problem ? { "aria-invalid": true } : {}),
  });
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {unit ? (
        <div class="with-unit">
          {control}
          <span id={`${id}-unit`}>{unit}</span>
        </div>
      ) : (
        control
      )}
      {problem ? (
        <p class="problem" role="alert" id={`${id}-problem`}>
          {problem}
        </p>
      ) : hint ? (
        <small id={`${id}-hint`}>{hint}</small>
      ) : null}
    </div>
  );
}

/**
 * Text to take away: a command or a secret, with a button that says it worked.
 * Where it was just asked for, the button is pressed already, once:
 * `done` is told, and what changes later is not copied unasked.
 */
export function Copyable({
  text,
  label,
  atOnce = false,
  done,
}: {
  text: string;
  label: string;
  atOnce?: boolean;
  done?: () => void;
}) {
  const code = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState<string | null>(null);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(null), 3_000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    // Selected in any case: where copying fails, one key is all that is left to do.
    if (code.current) getSelection()?.selectAllChildren(code.current);
    setCopied((await copyText(text)) ? "Copied" : "Press Ctrl+C");
  };
  // Another text is not on the clipboard.
  useEffect(() => setCopied(null), [text]);
  useEffect(() => {
    if (!atOnce) return;
    done?.();
    void copy();
  }, [atOnce]);
  return (
    <div class="secret">
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a field in which nothing is typed. */}
      <code ref={code} tabIndex={0} role="textbox" aria-readonly="true" aria-label={label}>
        {text}
      </code>
      <button type="button" class="button" aria-label={`${copied ?? "Copy"} ${label}`} onClick={() => void copy()}>
        {copied ?? "Copy"}
      </button>
      <span class="seen-by-readers" role="status">
        {copied}
      </span>
    </div>
  );
}

/** Over plain HTTP, as the hub serves it, browsers keep their clipboard closed to all but the command of old. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = document.createElement("textarea");
    box.value = text;
    box.readOnly = true;
    box.className = "seen-by-readers";
    const focused = document.activeElement as HTMLElement | null;
    const selection = getSelection();
    const shown = selection && selection.rangeCount > 0 ? selection.getRangeAt(0) : null;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    focused?.focus({ preventScroll: true });
    if (shown) {
      selection?.removeAllRanges();
      selection?.addRange(shown);
    }
    return done;
  }
}

/** A button that asks once more before what cannot be undone. */
export function Confirmed({
  label,
  sure,
  onConfirm,
  name,
}: {
  label: string;
  sure: string;
  onConfirm: () => void;
  name?: string;
}) {
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (!asked) return;
    const timer = setTimeout(() => setAsked(false), 5_000);
    return () => clearTimeout(timer);
  }, [asked]);
  return (
    <button
      type="button"
      class="button plain danger"
      aria-label={name ? `${asked ? sure : label} ${name}` : undefined}
      onClick={() => (asked ? onConfirm() : setAsked(true))}
    >
      {asked ? sure : label}
    </button>
  );
}

/** A menu that closes when something else is pressed, or Escape. */
export function useMenu(): RefObject<HTMLDetailsElement | null> {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      if (
        menu.current?.open &&
        (event instanceof KeyboardEvent ? event.key === "Escape" : !menu.current.contains(event.target as Node))
      )
        menu.current.open = false;
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, []);
  return menu;
}

/** Runs `task` at once and then every `ms` while the view is shown and the tab visible. */
export function useEvery(ms: number, task: () => void, key: unknown = null): void {
  useEffect(() => {
    task();
    const timer = setInterval(() => document.visibilityState === "visible" && task(), ms);
    return () => clearInterval(timer);
  }, [ms, key]);
}

/** True for keys meant as a command, not as text or as a press of a button. */
export function isCommand(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  const target = event.target as HTMLElement | null;
  if (target?.closest("input, textarea, select, [contenteditable], [role=textbox], dialog")) return false;
  return !((event.key === " " || event.key === "Enter") && target?.closest("button, a, summary"));
}
