// What to paste for devices and programs that run no agent: each speaks what it speaks already.

import { useState } from "preact/hooks";
import { curl, otlp, prometheus, telegraf } from "../door";
import type { Place } from "../join";
import { Copyable } from "./controls";

type Kind = "mqtt" | "influx" | "otlp" | "prometheus" | "line" | "json";

const KINDS: [Kind, string][] = [
  ["mqtt", "MQTT"],
  ["influx", "InfluxDB clients"],
  ["otlp", "OpenTelemetry"],
  ["prometheus", "Prometheus"],
  ["line", "Line protocol"],
  ["json", "HTTP and JSON"],
];

export function OtherDoors({ place }: { place: Place }) {
  const [kind, setKind] = useState<Kind>("mqtt");
  return (
    <div class="stack">
      <div class="segments" role="group" aria-label="What they speak">
        {KINDS.map(([name, label]) => (
          <button key={name} type="button" aria-pressed={name === kind} onClick={() => setKind(name)}>
            {label}
          </button>
        ))}
      </div>
      <div class="stack tight">
        <Paste kind={kind} origin={place.origin ?? "http://HUB:8080"} />
      </div>
    </div>
  );
}

function Paste({ kind, origin }: { kind: Kind; origin: string }) {
  switch (kind) {
    case "mqtt":
      return (
        <>
          <p>
            Zigbee2MQTT, Home Assistant, Tasmota, Shelly, ESPHome and others: start the hub with the broker they talk
            to. The password goes into TELEMETRY_HUB_MQTT_PASSWORD or a file.
          </p>
          <Copyable text="telemetry-hub serve --mqtt mqtt://USER@BROKER" label="command" />
        </>
      );
    case "influx":
      return (
        <>
          <p>Telegraf and the clients of InfluxDB 1, 2 and 3: this address, and a token of scope ingest.</p>
          <Copyable text={telegraf(origin)} label="settings" />
        </>
      );
    case "otlp":
      return (
        <>
          <p>Programs with an OpenTelemetry SDK, with a token of scope ingest:</p>
          <Copyable text={otlp(origin)} label="variables" />
        </>
      );
    case "prometheus":
      return (
        <>
          <p>Prometheus and vmagent, by remote write, with a token of scope ingest:</p>
          <Copyable text={prometheus(origin)} label="settings" />
        </>
      );
    case "line":
      return (
        <>
          <p>By UDP or TCP, without authentication: start the hub with the networks that may send.</p>
          <Copyable
            text="telemetry-hub serve --line-udp :8089 --line-tcp :8094 --line-allow 192.168.0.0/16"
            label="command"
          />
        </>
      );
    case "json":
      return (
        <>
          <p>Any program, with a token of scope ingest:</p>
          <Copyable text={curl(origin)} label="command" />
        </>
      );
  }
}
