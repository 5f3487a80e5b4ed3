// Measures something of each kind with OpenTelemetry's SDK for Node, and sends it; prints what its exporter says came of it.
const [modules, kind, url, token] = process.argv.slice(2);
const from = (name) => require(`${modules}/${name}`);
const { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } = from("@opentelemetry/sdk-metrics");
const { resourceFromAttributes } = from("@opentelemetry/resources");
const { OTLPMetricExporter } = from(`@opentelemetry/${kind}`);

async function send(service, temporalityPreference, compression) {
  const exporter = new OTLPMetricExporter({
    url: `${url}/v1/metrics`,
    headers: { Authorization: `Bearer ${token}` },
    temporalityPreference,
    compression,
  });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60000 });
  const resource = resourceFromAttributes({ "service.name": service, "host.name": "pi" });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter("shop");
  meter.createCounter("orders", { unit: "{order}" }).add(3, { kind: "tea", big: true });
  meter.createUpDownCounter("queue").add(-2);
  meter.createObservableGauge("temperature", { unit: "Cel" }).addCallback((to) => to.observe(21.5, { room: "attic" }));
  meter.createObservableGauge("broken").addCallback((to) => to.observe(NaN));
  const duration = meter.createHistogram("duration", { unit: "s" });
  for (const value of [0.004, 0.2, 30]) duration.record(value);
  const { resourceMetrics, errors } = await reader.collect();
  const result = await new Promise((done) => exporter.export(resourceMetrics, done));
  console.log(errors.length === 0 && result.code === 0 ? "SUCCESS" : `FAILURE ${result.error?.message}`);
  await provider.shutdown();
}

send("shop", AggregationTemporality.CUMULATIVE, "gzip")
  .then(() => send("mill", AggregationTemporality.DELTA, "none"))
  .then(() => process.exit(0));
