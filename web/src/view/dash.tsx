// A piece of a chart's line, beside its name.

export function Dash({ color, dash }: { color: string; dash: readonly number[] }) {
  return (
    <svg class="dash" viewBox="0 0 18 8" aria-hidden="true">
      <path
        d="M0 4h18"
        style={{ stroke: `var(${color})` }}
        stroke-width="3"
        stroke-dasharray={dash.join(" ") || undefined}
      />
    </svg>
  );
}
