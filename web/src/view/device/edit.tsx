// What a person may change about a device, and how it is let go.

import { useEffect, useState } from "preact/hooks";
import * as api from "../../api";
import { needDevices } from "../../actions/loading";
import { block, changeDevice, forgetDevice, loadDevice, removeDevice, replaceDevice } from "../../actions/devices";
import { go, state } from "../../app";
import { ago, clean, many, millis } from "../../format";
import { readLabels, writeLabels } from "../../labels";
import { OVERVIEW } from "../../route";
import type { Device, Swap } from "../../types";
import { SixWords } from "../adopt_card";
import { Confirmed, Field } from "../controls";
import { useForm } from "../form";
import { Only } from "../may";

/** Devices in a list to choose from; of more the name has to be typed. */
const CHOICES = 100;

export function DeviceEdit({ device, close }: { device: Device; close: () => void }) {
  const [name, setName] = useState(device.name);
  const [labels, setLabels] = useState(writeLabels(device.labels));
  const [notes, setNotes] = useState(device.notes);
  const { at, Rest, ...form } = useForm([name, labels, notes]);
  const lacksWords = device.hardware !== null && device.words.length === 0;
  // The list comes without them; who wants to compare them waits a moment, or does without.
  useEffect(() => {
    if (lacksWords) loadDevice(device.id).catch(() => {});
  }, [lacksWords]);
  const save = (event: Event) => {
    form.send(event, () =>
      changeDevice(device.id, { name: name.trim(), labels: readLabels(labels), notes }).then(close),
    );
  };
  const remove = async () => {
    if (await removeDevice(device.id)) go(OVERVIEW);
  };
  return (
    <form class="card form" style={{ width: "100%" }} onSubmit={save} aria-label="Edit device">
      <div class="form-grid">
        <Field label="Name" problem={at("name")}>
          <input
            class="input"
            required
            maxLength={64}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <Field label="Labels" problem={at("labels")} hint="key=value, separated by commas">
          <input class="input" value={labels} onInput={(event) => setLabels(event.currentTarget.value)} />
        </Field>
      </div>
      <Field label="Notes" problem={at("notes")} hint="where it is, who to call: shown on its page">
        <textarea
          class="input"
          rows={3}
          maxLength={2_000}
          value={notes}
          onInput={(event) => setNotes(event.currentTarget.value)}
        />
      </Field>
      {Rest()}
      <dl class="facts">
        <dt>Id</dt>
        <dd class="mono">{clean(device.id)}</dd>
        <dt>Six words</dt>
        <dd class="mono">
          {device.hardware !== null
            ? device.words.map((word) => clean(word)).join(" ")
            : device.version === null
              ? "none: its readings come by HTTP, or were imported"
              : "none: its hardware is not known here any more"}
        </dd>
        <dt>Added</dt>
        <dd>{ago(millis(device.first_seen), state.value.now)}</dd>
        {device.address ? (
          <>
            <dt>Address</dt>
            <dd class="mono">{clean(device.address)}</dd>
          </>
        ) : null}
      </dl>
      {device.hardware !== null ? <Replace device={device} close={close} /> : null}
      <div class="spread">
        <div class="row">
          <button type="submit" class="button primary" disabled={form.busy}>
            Save
          </button>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
        </div>
        <div class="row">
          {device.status === "blocked" ? null : (
            <Confirmed label="Block" sure="Really block it" onConfirm={() => void block(device)} />
          )}
          {device.hardware !== null ? (
            <Confirmed
              label="Forget, keep history"
              sure="Really forget, keep its readings"
              onConfirm={() => void forgetDevice(device.id).then(close)}
            />
          ) : null}
          <Only may="admin">
            <Confirmed
              label="Delete with history"
              sure="Really delete it and all its readings"
              onConfirm={() => void remove()}
            />
          </Only>
        </div>
      </div>
    </form>
  );
}

/** For hardware that broke: another device takes over its name, labels, readings and rules. */
function Replace({ device, close }: { device: Device; close: () => void }) {
  const [by, setBy] = useState("");
  const [part, setPart] = useState("");
  const [former, setFormer] = useState<Swap | null>(null);
  useEffect(() => void needDevices(), []);
  useEffect(() => {
    // Without it the others can be chosen all the same.
    api.devices.swaps(device.id).then(
      (swaps) => setFormer(swaps.at(-1) ?? null),
      () => {},
    );
  }, [device.id]);
  const others = Object.values(state.value.devices ?? {}).filter(
    (one) => one.id !== device.id && one.hardware !== null && one.status !== "blocked",
  );
  // Who waits is most likely the new one; the rest is found by name.
  others.sort(
    (a, b) =>
      Number(b.status === "pending") - Number(a.status === "pending") ||
      a.name.localeCompare(b.name, undefined, { numeric: true }),
  );
  const chosen = others.find((one) => by !== "" && (one.hardware ?? one.id) === by);
  const found = others.filter((one) => one.name.toLowerCase().includes(part.trim().toLowerCase()));
  return (
    <div class="row">
      <label class="row small">
        Broken? Replace it with
        <select class="input short" value={by} onChange={(event) => setBy(event.currentTarget.value)}>
          <option value="">choose a device…</option>
          {former ? (
            <option value={former.was}>the hardware it had before ({ago(millis(former.at), state.value.now)})</option>
          ) : null}
          {found.slice(0, CHOICES).map((one) => (
            <option key={one.id} value={one.hardware ?? one.id}>
              {clean(one.name)}
              {one.status === "pending" ? " (asks to join)" : ""}
            </option>
          ))}
          {found.length > CHOICES ? (
            <option disabled>{many(found.length - CHOICES, "more device")}: type a part of the name</option>
          ) : null}
        </select>
      </label>
      {others.length > CHOICES || part !== "" ? (
        <label class="row small">
          whose name has{" "}
          <input class="input short" value={part} onInput={(event) => setPart(event.currentTarget.value)} />
        </label>
      ) : null}
      <span class="small quiet">
        Turn the old hardware off first. The new one takes over name, labels, readings and rules.
      </span>
      {chosen?.status === "pending" ? <SixWords of={chosen} /> : null}
      {by === "" ? null : (
        <Confirmed
          label="Replace"
          sure="Really replace"
          name={clean(device.name)}
          onConfirm={() => void replaceDevice(device.id, by).then((done) => done && close())}
        />
      )}
    </div>
  );
}
