// From where to where the slider of a limit goes, and in which steps. PURE.

/** Steps of the whole way, about: fine enough for a hand, and round numbers. */
const STEPS = 200;

/** A quarter more than what was measured on either side, and as far as the limit is now. */
export function limitSpan(
  [low, high]: readonly [number, number],
  limit: number | null,
): { from: number; to: number; step: number; decimals: number } {
  const room = high > low ? (high - low) / 4 : Math.max(Math.abs(high) / 4, 1);
  const [least, most] = [Math.min(low - room, limit ?? low), Math.max(high + room, limit ?? high)];
  const rough = (most - least) / STEPS;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((of) => of * size).find((one) => one >= rough * 0.999)!;
  const decimals = Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const round = (value: number) => Number(value.toFixed(decimals));
  return {
    from: round(Math.floor(least / step) * step),
    to: round(Math.ceil(most / step) * step),
    step: round(step),
    decimals,
  };
}

/** A limit that is moved by the slider takes along where it resolves: how far apart they are was meant. */
export function moved<F extends { value: string; clear: string }>(fields: F, value: string): F {
  const [by, clear] = [Number(value) - Number(fields.value), Number(fields.clear)];
  const goes =
    fields.clear.trim() !== "" && fields.value.trim() !== "" && Number.isFinite(by) && Number.isFinite(clear);
  return { ...fields, value, clear: goes ? String(Number((clear + by).toPrecision(12))) : fields.clear };
}
