"""Measures something of each kind with OpenTelemetry's SDK, and sends it; prints what its exporter says came of it."""

import sys

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

url, token = sys.argv[1], sys.argv[2]


def send(service, temporality, token, compression):
    reader = InMemoryMetricReader(preferred_temporality={Counter: temporality, Histogram: temporality})
    views = [View(instrument_name="wait", aggregation=ExponentialBucketHistogramAggregation())]
    provider = MeterProvider([reader], Resource.create({"service.name": service, "host.name": "pi"}), views=views)
    meter = provider.get_meter("shop")
    meter.create_counter("orders", unit="{order}").add(3, {"kind": "tea", "big": True})
    meter.create_up_down_counter("queue").add(-2)
    meter.create_observable_gauge("temperature", [lambda _: [Observation(21.5, {"room": "attic"})]], unit="Cel")
    for value in [0.004, 0.2, 30.0]:
        meter.create_histogram("duration", unit="s").record(value)
        meter.create_histogram("wait", unit="s").record(value)
    exporter = OTLPMetricExporter(
        endpoint=f"{url}/v1/metrics", headers={"Authorization": f"Bearer {token}"}, compression=compression, timeout=5
    )
    print(exporter.export(reader.get_metrics_data()).name)
    provider.shutdown()


send("shop", AggregationTemporality.CUMULATIVE, token, Compression.Gzip)
send("mill", AggregationTemporality.DELTA, token, Compression.NoCompression)
send("thief", AggregationTemporality.DELTA, "thp_no", Compression.NoCompression)
