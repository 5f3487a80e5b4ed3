"""Writes 499 good lines and one that is none with a client of InfluxDB, and prints what it tells of that: a line a write."""

import sys

package, url, token, now = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


def lines(device):
    value = lambda n: "NaN" if n == 250 else n
    return [f"m,host={device} f={value(n)} {now - n}" for n in range(500)]


def tell(write):
    try:
        write()
        print("nothing was wrong")
    except Exception as error:
        print(" ".join(str(error).split()))


if package == "influxdb-client":
    from influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import SYNCHRONOUS

    with InfluxDBClient(url=url, token=token, org="any") as client:
        assert client.ping() and client.health().status == "pass"
        api = client.write_api(write_options=SYNCHRONOUS)
        tell(lambda: api.write("any", "any", lines("a"), write_precision="s"))
else:
    from influxdb_client_3 import InfluxDBClient3, SYNCHRONOUS, WriteOptions, write_client_options

    for device, v2 in [("a", True), ("b", False)]:
        options = write_client_options(write_options=WriteOptions(write_type=SYNCHRONOUS.write_type, use_v2_api=v2))
        with InfluxDBClient3(host=url, token=token, database="any", write_client_options=options) as client:
            tell(lambda: client.write(lines(device), write_precision="s"))
