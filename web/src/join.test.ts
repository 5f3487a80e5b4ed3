import { describe, expect, test } from "vitest";
import { command, places, withoutCurl } from "./join";

const hub = (page: string[], agents = page.map((one) => one.replace(":8080", ":5770")), url: string | null = null) => ({
  addresses: { url, page, agents },
  udp_port: 5770,
  tls: null,
});
const by = (mode: "auto" | "files", page: string[]) => ({
  ...hub(page),
  tls: { mode, expires_at: "2027-01-01T00:00:00Z", fingerprint: mode === "auto" ? "AB:CD" : null, problem: null },
});
const at = (origin: string) => ({ origin, hostname: new URL(origin).hostname });

describe("the address in a command", () => {
  test("is the one this page was opened by, then the hub's own", () => {
    const found = places(hub(["192.168.1.20:8080", "10.0.0.2:8080"]), at("http://hub.lan:8080"));
    expect(found.map((one) => one.origin)).toEqual([
      "http://hub.lan:8080",
      "http://192.168.1.20:8080",
      "http://10.0.0.2:8080",
    ]);
    expect(found[0]!.agents).toBe("hub.lan:5770");
  });
  test("is never loopback while the hub has another", () => {
    for (const origin of [
      "http://127.0.0.1:8080",
      "http://localhost:8080",
      "http://[::1]:8080",
      "http://127.3.2.1:8080",
    ]) {
      const [first] = places(hub(["192.168.1.20:8080"]), at(origin));
      expect(first).toEqual({
        origin: "http://192.168.1.20:8080",
        agents: "192.168.1.20:5770",
        anywhere: true,
        pin: null,
      });
    }
  });
  test("by IPv6 keeps its brackets", () => {
    expect(places(hub([]), at("http://[fd00::5]:8080"))[0]).toEqual({
      origin: "http://[fd00::5]:8080",
      agents: "[fd00::5]:5770",
      anywhere: true,
      pin: null,
    });
    expect(places(hub(["[fd00::5]:8080"]), at("http://127.0.0.1:8080"))[0]!.agents).toBe("[fd00::5]:5770");
  });
  test("is the one the hub was told first of all", () => {
    expect(
      places(hub(["192.168.1.20:8080"], undefined, "https://hub.example.org/"), at("http://127.0.0.1:8080")).map(
        (one) => one.origin,
      ),
    ).toEqual(["https://hub.example.org", "http://192.168.1.20:8080"]);
  });
});

describe("the command", () => {
  const [remote] = places(hub(["192.168.1.20:8080"]), at("http://127.0.0.1:8080"));
  const [alone] = places(hub([]), at("http://127.0.0.1:8080"));
  const more = { machine: "aarch64", discovery: true };
  test("lets the hub's own sentence be read", () => {
    expect(command("line", remote!, "thj1_x", more)).toBe(
      "curl --noproxy '*' -sS 'http://192.168.1.20:8080/install.sh?token=thj1_x' | sh",
    );
  });
  test("installs a package only if that is what came, and shows what came instead", () => {
    expect(command("deb", remote!, "t", more)).toBe(
      "case $(curl --noproxy '*' -sSo device-agent.deb -w '%{http_code}' " +
        "'http://192.168.1.20:8080/bundle/aarch64.deb?token=t') in " +
        "200) dpkg -i device-agent.deb ;; [45]*) cat device-agent.deb; rm device-agent.deb; false ;; *) false ;; esac",
    );
  });
  test("has a form for devices without curl, for the same link", () => {
    expect(withoutCurl(remote!, "t")).toBe("wget -Y off -qO- 'http://192.168.1.20:8080/install.sh?token=t' | sh");
    expect(withoutCurl(places(hub([]), at("https://hub.example.org"))[0]!, "t")).toBe(
      "wget -qO- 'https://hub.example.org/install.sh?token=t' | sh",
    );
  });
  test("passes by a proxy where the hub is near, and there alone", () => {
    const straight = (origin: string) => {
      const [place] = places(hub([]), at(origin));
      return [
        ...(["line", "deb"] as const).map((way) => command(way, place!, "t", more)!.includes("curl --noproxy '*' ")),
        withoutCurl(place!, "t")!.startsWith("wget -Y off "),
      ];
    };
    for (const near of [
      "10.1.2.3",
      "172.16.0.1",
      "172.31.9.9",
      "192.168.1.20",
      "169.254.3.4",
      "100.64.0.1",
      "100.127.255.1",
      "[fd00::5]",
      "[fe80::1]",
      "[febf::1]",
      "attic.local",
    ]) {
      expect([near, ...straight(`http://${near}:8080`)]).toEqual([near, true, true, true]);
    }
    for (const far of [
      "hub.example.org",
      "172.15.0.1",
      "172.32.0.1",
      "100.63.0.1",
      "100.128.0.1",
      "11.0.0.1",
      "192.169.0.1",
      "[2001:db8::1]",
      "[fec0::1]",
      "10.example.org",
      "local.example.org",
    ]) {
      expect([far, ...straight(`https://${far}`)]).toEqual([far, false, false, false]);
    }
  });
  test("gets and compares the hub's own certificate authority first", () => {
    const [place] = places(by("auto", ["192.168.1.20:8080"]), at("https://127.0.0.1:8080"));
    // As hub/tests/install_script.rs runs it.
    expect(command("line", place!, "thj1_x", more)).toBe(
      "c=$(mktemp); curl --noproxy '*' -sSo $c http://192.168.1.20:8080/ca.crt; " +
        'if [ "$(grep -v - $c | base64 -d | sha256sum | cut -c-64)" = abcd ]; ' +
        "then curl --noproxy '*' --cacert $c -sS 'https://192.168.1.20:8080/install.sh?token=thj1_x' | sh; " +
        "else echo 'device-agent: this is not the hub: its certificate is another' >&2; fi; rm -f $c",
    );
    expect(withoutCurl(place!, "thj1_x")).toContain(
      "then wget -Y off --ca-certificate=$c -qO- 'https://192.168.1.20:8080/install.sh?token=thj1_x' | sh;",
    );
    expect(command("deb", place!, "t", more)).toContain(
      "--cacert $c -sSo device-agent.deb -w '%{http_code}' " +
        "'https://192.168.1.20:8080/bundle/aarch64.deb?token=t') in 200) dpkg -i device-agent.deb ;;",
    );
  });
  test("of a hub with a certificate that is known needs no such thing, and names no address it is not for", () => {
    const found = places(by("files", ["192.168.1.20:8443"]), at("https://hub.example.org:8443"));
    expect(found.map((one) => one.origin)).toEqual(["https://hub.example.org:8443", null]);
    expect(command("line", found[0]!, "t", more)).toBe(
      "curl -sS 'https://hub.example.org:8443/install.sh?token=t' | sh",
    );
  });
  test("is none where it could only hold loopback", () => {
    expect([
      command("line", alone!, "t", more),
      command("deb", alone!, "t", more),
      command("card", alone!, "t", more),
    ]).toEqual([null, null, null]);
    expect(command("hand", alone!, null, more)).toBe("device-agent run --hub 127.0.0.1:5770");
  });
  test("by hand trusts discovery where there is one", () => {
    expect(command("hand", remote!, null, more)).toBe("device-agent run");
    expect(command("hand", remote!, "thj1_x", { ...more, discovery: false })).toBe(
      "device-agent run --hub 192.168.1.20:5770 --join-token thj1_x",
    );
  });
  test("a page that others cannot open still names the door for devices", () => {
    const [door] = places(hub([], ["192.168.1.20:5770"]), at("http://127.0.0.1:8080"));
    expect(door).toEqual({ origin: null, agents: "192.168.1.20:5770", anywhere: true, pin: null });
    expect([command("line", door!, "t", more), withoutCurl(door!, "t")]).toEqual([null, null]);
  });
});
