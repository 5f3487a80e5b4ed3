// An edge node as `sparkplug-client` makes it: says at birth what it has, and then only numbers. Arguments: the package, the broker's port.

const [, , at, port] = process.argv;
const client = require(at).newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`,
  username: "device",
  password: "secret",
  groupId: "plant",
  edgeNode: "press",
  clientId: "press",
  version: "spBv1.0",
});

let value = 20;
function birth() {
  const timestamp = Date.now();
  client.publishNodeBirth({
    timestamp,
    metrics: [
      { name: "Node Control/Rebirth", timestamp, type: "Boolean", value: false },
      { name: "level", alias: 1, timestamp, type: "Int64", value: -5 },
    ],
  });
  const properties = { engUnit: { type: "String", value: "°C" } };
  const temperature = { name: "temperature", alias: 2, timestamp, type: "Double", value, properties };
  client.publishDeviceBirth("oil", { timestamp, metrics: [temperature] });
}
client.on("birth", birth);
client.on("ncmd", (payload) => {
  if (payload.metrics.some((metric) => metric.name === "Node Control/Rebirth" && metric.value === true)) birth();
});
client.on("connect", () => {
  setInterval(() => {
    const timestamp = Date.now();
    value += 0.5;
    client.publishDeviceData("oil", { timestamp, metrics: [{ alias: 2, timestamp, type: "Double", value }] });
  }, 200);
});
