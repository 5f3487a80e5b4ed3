// A device that asks to join: what a person compares before trusting it, and the two answers.

import { useState } from "preact/hooks";
import { adopt, block } from "../actions/devices";
import { state } from "../app";
import { ago, clean, measured, millis } from "../format";
import { address, title } from "../names";
import type { Device } from "../types";
import { Confirmed } from "./controls";
import { Lack, Only } from "./may";

const PREVIEW_SHOWN = 4;

/** What a person compares before trusting a device that nobody knows yet. */
export function SixWords({ of }: { of: Device }) {
  return (
    <div>
      <p class="small quiet">Does the device show these same six words?</p>
      <ol class="words" aria-label="Six words">
        {of.words.map((word) => (
          <li key={word}>{clean(word)}</li>
        ))}
      </ol>
    </div>
  );
}

export function AdoptCard({ device, onAdopt }: { device: Device; onAdopt?: () => void }) {
  const [busy, setBusy] = useState(false);
  const name = clean(device.name);
  const accept = async () => {
    setBusy(true);
    onAdopt?.();
    await adopt(device);
    setBusy(false);
  };
  return (
    <article class="card adopt" aria-labelledby={`adopt-${device.id}`} data-device={device.id}>
      <div class="spread">
        <h3 id={`adopt-${device.id}`}>{name}</h3>
        <span class="small quiet">{ago(millis(device.last_seen ?? device.first_seen), state.value.now)}</span>
      </div>
      <SixWords of={device} />
      <dl class="facts">
        {device.model ? (
          <>
            <dt>Model</dt>
            <dd>{clean(device.model)}</dd>
          </>
        ) : null}
        {device.address ? (
          <>
            <dt>Address</dt>
            <dd class="mono" title={clean(device.address)}>
              {address(device.address)}
            </dd>
          </>
        ) : null}
        {device.preview.length > 0 ? (
          <>
            <dt>Measures</dt>
            <dd>
              {device.preview
                .slice(0, PREVIEW_SHOWN)
                .map((one) => `${title(one.sensor)} ${measured(one.value, one.unit)}`)
                .join(", ")}
            </dd>
          </>
        ) : null}
      </dl>
      <Lack of="operate" />
      <Only may="operate">
        <div class="row">
          <button
            type="button"
            class="button primary"
            disabled={busy}
            aria-label={`Adopt ${name}`}
            onClick={() => void accept()}
          >
            Adopt
          </button>
          <Confirmed label="Block" sure="Block for good" name={name} onConfirm={() => void block(device)} />
        </div>
      </Only>
    </article>
  );
}
