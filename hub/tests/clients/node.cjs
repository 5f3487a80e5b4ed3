// Writes 499 good lines and one that is none with a client of InfluxDB, and prints what it tells of that: a line a write.
const [, , folder, name, url, token, now] = process.argv;
const client = require(folder);
client.setLogger({ error() {}, warn() {} });
const lines = (device) =>
  Array.from({ length: 500 }, (_, n) => `m,host=${device} f=${n === 250 ? "NaN" : n} ${Number(now) - n}`);
const tell = (write) =>
  write.then(
    () => console.log("nothing was wrong"),
    (error) => console.log(error.message.replaceAll(/\s+/g, " ")),
  );

async function main() {
  if (name === "@influxdata/influxdb-client") {
    const api = new client.InfluxDB({ url, token }).getWriteApi("any", "any", "s", { flushInterval: 0, maxRetries: 0 });
    api.writeRecords(lines("a"));
    await tell(api.close());
    return;
  }
  for (const [device, noSync] of [
    ["a", false],
    ["b", true],
  ]) {
    const api = new client.InfluxDBClient({ host: url, token, database: "any" });
    await tell(api.write(lines(device), "any", undefined, { precision: "s", noSync }));
    await api.close();
  }
}
main();
