#!/usr/bin/env bash
# npm @influxdata/influxdb-client 1.35.0 takes the seconds of `Retry-After` (RFC 9110, section 10.2.3) for milliseconds. A
# server that is busy and asks for half a minute hears from the client again at once, and after the few tries that it has
# the lines are dropped: the header that should save them loses them sooner.
# Seen: `Retry-After: 30`, three attempts, the last of them within 2 s of the first. With an HTTP date, which it does not
# read, it waits its own five seconds.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @influxdata/influxdb-client@1.35.0
cat >look.cjs <<'JS'
const http = require("http"), { InfluxDB, Point, setLogger } = require("@influxdata/influxdb-client");
setLogger({ error() {}, warn() {} });
function attempts(header, most) {
  return new Promise((done) => {
    const times = [];
    const server = http.createServer((request, response) => {
      request.resume().on("end", () => {
        times.push(Date.now());
        response.writeHead(503, { "Retry-After": header() }).end("{}");
      });
    }).listen(0, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${server.address().port}`;
      const options = { flushInterval: 0, maxRetries: 2 };
      const writer = new InfluxDB({ url, token: "t" }).getWriteApi("o", "b", "s", options);
      writer.writePoint(new Point("m").floatField("v", 1));
      writer.flush().catch(() => {});
      setTimeout(() => done(times.length), most);
    });
  });
}
(async () => {
  console.log("30 seconds, tries within 2 s:", await attempts(() => "30", 2000));
  console.log("a date in 30 s, tries within 2 s:", await attempts(() => new Date(Date.now() + 30000).toUTCString(), 2000));
  process.exit(0);
})();
JS
node look.cjs >seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
30 seconds, tries within 2 s: 3
a date in 30 s, tries within 2 s: 1
SEEN
