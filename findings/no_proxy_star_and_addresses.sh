#!/usr/bin/env bash
# NO_PROXY=* means that no host is asked through a proxy: so curl has it (curl(1), "NO_PROXY"), for names and addresses alike.
# crates.io hyper-util 0.1.21, by which reqwest 0.13 finds its proxy, holds it against names only: a request to an address
# goes to the proxy, with all its headers.
# Seen: a name goes straight, an address goes through the proxy. curl goes straight to the address.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "look"
edition = "2021"
[dependencies]
http = "=1.5.0"
hyper-util = { version = "=0.1.21", default-features = false, features = ["client-proxy"] }
TOML
cat >src/main.rs <<'RUST'
use hyper_util::client::proxy::matcher::Matcher;
fn main() {
    for url in ["http://sensor.example/", "http://203.0.113.9/"] {
        let proxy = Matcher::from_env().intercept(&url.parse::<http::Uri>().unwrap());
        println!("hyper-util {url} {}", if proxy.is_some() { "proxy" } else { "straight" });
    }
}
RUST
export http_proxy=http://127.0.0.1:9 NO_PROXY='*'
unset HTTP_PROXY no_proxy ALL_PROXY all_proxy
env -u http_proxy -u NO_PROXY cargo build --quiet
target/debug/look >seen
said=$(curl --silent --show-error --max-time 5 http://127.0.0.2:1/ 2>&1 || true)
case $said in *"127.0.0.2 port 1"*) echo "curl http://127.0.0.2:1/ straight" ;; *) echo "curl $said" ;; esac >>seen
diff - seen <<'SEEN' || { echo "it behaves otherwise now" >&2; exit 1; }
hyper-util http://sensor.example/ straight
hyper-util http://203.0.113.9/ proxy
curl http://127.0.0.2:1/ straight
SEEN
