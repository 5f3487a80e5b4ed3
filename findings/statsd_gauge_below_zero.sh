#!/usr/bin/env bash
# In statsd's text a gauge with a sign is a step, not a value. npm hot-shots 17.1.1 writes a value below zero as it is, so npm statsd
# 0.9.0 adds it to what it has: at each report of a steady frost the gauge falls on.
# Seen: a thermometer of 4, 1, -2, -2 and -2 degrees is at -5.
set -euo pipefail
folder=$(mktemp -d); trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional statsd@0.9.0 hot-shots@17.1.1
port=$(node -e 's=require("dgram").createSocket("udp4");s.bind(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
cat >config.js <<JS
{
  servers: [{ server: "./servers/udp", address: "127.0.0.1", port: $port }],
  mgmt_address: "127.0.0.1", mgmt_port: 0, flushInterval: 500, backends: ["./backends/console"],
}
JS
node node_modules/statsd/stats.js config.js >log 2>&1 & server=$!
for _ in $(seq 100); do grep -q "server is up" log && break; sleep 0.1; done
node -e '
  const { StatsD } = require("hot-shots");
  const client = new StatsD({ host: "127.0.0.1", port: Number(process.argv[1]) });
  for (const celsius of [4, 1, -2, -2, -2]) client.gauge("celsius", celsius);
  client.close();
' "$port"
for _ in $(seq 100); do grep -q "celsius" log && break; sleep 0.1; done
sleep 1
grep -o "celsius: [-0-9]*" log | tail -1 >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
celsius: -5
SEEN
