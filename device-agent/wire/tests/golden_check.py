#!/usr/bin/env python3
"""The protocol of device-agent/wire a second time, with Python's standard library alone.

It shares no code with the crate: X25519 (RFC 7748), ChaCha20-Poly1305 (RFC 8439), XChaCha20 and Noise IKpsk2 are written
out below; BLAKE2s is hashlib's. Three tasks, run by tests/golden.rs:

    golden_check.py check    every line of golden/vectors.txt follows from the inputs written here
    golden_check.py device   opens a session with the crate's hub over stdin and stdout, a hex datagram a line
    golden_check.py hub      takes in the crate's device, after asking it for a cookie
"""

import hashlib
import hmac
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- ciphers ----

P = 2**255 - 19


def x25519(secret, point):
    k = bytearray(secret)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = (int.from_bytes(point, "little") & (2**255 - 1)) % P
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public(secret):
    return x25519(secret, (9).to_bytes(32, "little"))


def rounds(state):
    s = list(state)

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & 0xFFFFFFFF
            v = s[z] ^ s[x]
            s[z] = (v << turn | v >> 32 - turn) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def chacha20(key, nonce, counter, text):
    out = bytearray()
    for block in range(0, len(text), 64):
        state = SIGMA + struct.unpack("<8I", key) + (counter + block // 64,) + struct.unpack("<3I", nonce)
        stream = struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, rounds(state))))
        out += bytes(a ^ b for a, b in zip(text[block : block + 64], stream))
    return bytes(out)


def poly1305(key, text):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    s = int.from_bytes(key[16:], "little")
    total = 0
    for i in range(0, len(text), 16):
        total = (total + int.from_bytes(text[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return (total + s & 2**128 - 1).to_bytes(16, "little")


def tag_of(key, nonce, ad, sealed):
    padded = ad + bytes(-len(ad) % 16) + sealed + bytes(-len(sealed) % 16)
    return poly1305(chacha20(key, nonce, 0, bytes(32)), padded + struct.pack("<QQ", len(ad), len(sealed)))


def seal(key, nonce, ad, plain):
    sealed = chacha20(key, nonce, 1, plain)
    return sealed + tag_of(key, nonce, ad, sealed)


def unseal(key, nonce, ad, sealed):
    body, tag = sealed[:-16], sealed[-16:]
    assert tag == tag_of(key, nonce, ad, body), "not authentic"
    return chacha20(key, nonce, 1, body)


def xchacha(key, nonce):
    """Key and nonce of the inner cipher (draft-irtf-cfrg-xchacha)."""
    s = rounds(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", nonce[:16]))
    return struct.pack("<8I", *s[:4], *s[12:]), bytes(4) + nonce[16:]


def blake2s(*parts, key=b"", size=32):
    return hashlib.blake2s(b"".join(parts), key=key, digest_size=size).digest()


# ---- Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s ----


class Noise:
    """Both sides; `s`, `e` are secrets, `rs` the other's static public key."""

    def __init__(self, prologue, s, e, rs=None, hub=None):
        name = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
        self.h = self.ck = blake2s(name) if len(name) > 32 else name + bytes(32 - len(name))
        self.s, self.e, self.rs, self.k = s, e, rs, None
        self.mix_hash(prologue)
        self.mix_hash(hub)

    def mix_hash(self, data):
        self.h = blake2s(self.h, data)

    def hkdf(self, ikm, count):
        temp = hmac.new(self.ck, ikm, hashlib.blake2s).digest()
        out, last = [], b""
        for n in range(count):
            last = hmac.new(temp, last + bytes([n + 1]), hashlib.blake2s).digest()
            out.append(last)
        return out

    def mix_key(self, ikm):
        self.ck, self.k = self.hkdf(ikm, 2)
        self.n = 0

    def mix_psk(self, psk):
        self.ck, extra, self.k = self.hkdf(psk, 3)
        self.mix_hash(extra)
        self.n = 0

    def nonce(self):
        self.n += 1
        return nonce(self.n - 1)

    def encrypt(self, plain):
        out = seal(self.k, self.nonce(), self.h, plain)
        self.mix_hash(out)
        return out

    def decrypt(self, sealed):
        out = unseal(self.k, self.nonce(), self.h, sealed)
        self.mix_hash(sealed)
        return out

    def take_e(self, key):
        self.mix_hash(key)
        self.mix_key(key)  # a psk pattern mixes each ephemeral key

    def write1(self, payload):
        e = public(self.e)
        self.take_e(e)
        self.mix_key(x25519(self.e, self.rs))
        s = self.encrypt(public(self.s))
        self.mix_key(x25519(self.s, self.rs))
        return e + s + self.encrypt(payload)

    def read1(self, message):
        self.re = message[:32]
        self.take_e(self.re)
        self.mix_key(x25519(self.s, self.re))
        self.rs = self.decrypt(message[32:80])
        self.mix_key(x25519(self.s, self.rs))
        return self.decrypt(message[80:])

    def write2(self, payload, psk):
        e = public(self.e)
        self.take_e(e)
        self.mix_key(x25519(self.e, self.re))
        self.mix_key(x25519(self.e, self.rs))
        self.mix_psk(psk)
        return e + self.encrypt(payload)

    def read2(self, message, psk):
        re = message[:32]
        self.take_e(re)
        self.mix_key(x25519(self.e, re))
        self.mix_key(x25519(self.s, re))
        self.mix_psk(psk)
        return self.decrypt(message[32:])

    def split(self):
        """(device to hub, hub to device)"""
        return self.hkdf(b"", 2)


def nonce(counter):
    return bytes(4) + struct.pack("<Q", counter)


# ---- names, tokens, frames ----

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def fives(bits, count):
    return "".join(ALPHABET[bits >> 5 * (count - 1 - i) & 31] for i in range(count))


def base32(data):
    count = -(-len(data) * 8 // 5)
    return fives(int.from_bytes(data, "big") << count * 5 - len(data) * 8, count)


def id_of(key):
    return blake2s(b"thub-id-v1", key)[:16]


def id_text(name):
    check = int.from_bytes(blake2s(b"thub-check-v1", name)[:2], "big") >> 6
    text = fives(int.from_bytes(name, "big") << 2, 26) + fives(check, 2)
    return "-".join(text[i : i + 7] for i in range(0, 28, 7))


def words(name):
    with open(os.path.join(HERE, "../src/words.txt")) as file:
        known = file.read().split()
    bits = int.from_bytes(blake2s(b"thub-words-v1", name)[:9], "big")
    return " ".join(known[bits >> 72 - 11 * (i + 1) & 0x7FF] for i in range(6))


def mac1_key(receiver):
    return blake2s(b"mac1----", receiver)


def mac(key, data):
    return blake2s(data, key=key, size=16)


def prologue(hub):
    return b"thub/1" + id_of(hub) + b"\0"


SECRET = lambda first: bytes((first + n) % 256 for n in range(32))
HUB, DEVICE, E_DEVICE, E_HUB = map(SECRET, (0x01, 0x41, 0x81, 0xC1))
HUB_PUB, DEVICE_PUB = public(HUB), public(DEVICE)
TOKEN_ID, TOKEN = 1234, b"0123456789abcdef"
PSK = blake2s(b"thub-join-v1", TOKEN)
OFFER = struct.pack("<QQIH", 5 << 32 | 3, TOKEN_ID, 0, 1232)
VERDICT = struct.pack("<qIHBB", 1_700_000_000_123, 256, 3, 1, 0)
DEVICE_INDEX, HUB_INDEX = 0x01020304, 0xA1B2C3D4
COOKIE = mac(bytes([3]) * 32, b"192.168.1.23:41000")


def device_noise():
    return Noise(prologue(HUB_PUB), DEVICE, E_DEVICE, HUB_PUB, HUB_PUB)


def hub_noise():
    return Noise(prologue(HUB_PUB), HUB, E_HUB, None, HUB_PUB)


def hs1(noise, cookie=None):
    head = struct.pack("<BBHI", 1, 1, 0, DEVICE_INDEX) + noise.write1(OFFER)
    head += mac(mac1_key(HUB_PUB), head)
    return head + (mac(cookie, head) if cookie else bytes(16)) + bytes(34)


def hs2(noise):
    head = struct.pack("<BBHII", 2, 1, 0, HUB_INDEX, DEVICE_INDEX) + noise.write2(VERDICT, PSK)
    return head + mac(mac1_key(DEVICE_PUB), head)


def cookie_reply(first, random):
    key, inner = xchacha(blake2s(b"cookie--", HUB_PUB), random)
    return struct.pack("<BBHI", 3, 0, 0, DEVICE_INDEX) + random + seal(key, inner, first[126:142], COOKIE)


def data(key, receiver, counter, plain):
    return struct.pack("<BBHIQ", 4, 0, 0, receiver, counter) + seal(key, nonce(counter), b"", plain)


# ---- messages ----


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def zigzag(n):
    return varint((n << 1 ^ n >> 63) & 2**64 - 1)


def text(value):
    return varint(len(value.encode())) + value.encode()


def listed(items):
    return varint(len(items)) + b"".join(items)


T = 1_700_000_000_000
CONTROLS = {
    "control_hello": varint(0) + text("gew\u00e4chshaus") + text("Pi 5") + text("0.1.0")
    + listed([text("room") + text("north")]) + listed([text("temp") + text("Cel") + struct.pack("<d", 21.5)]),
    "control_dictionary": varint(1) + varint(200) + listed([
        text("temp") + text("Cel") + varint(0) + varint(1000),
        text("net.rx") + text("By") + varint(1) + varint(0),
        text("door") + text("") + varint(2) + varint(2**32 - 1),
    ]),
    "control_status": varint(2) + varint(300) + varint(0) + b"\1" + varint(1500) + b"\1" + zigzag(-250)
    + listed([varint(2) + varint(40), varint(1) + varint(1 << 40)]),
    "control_bye": varint(3),
    "control_welcome": varint(4) + varint(1) + varint(3) + varint(256) + zigzag(T),
    "control_ack": varint(5) + varint(300) + varint(69990)
    + listed([varint(69995) + varint(70001), varint(70005) + varint(70006)])
    + varint(16) + varint(3) + varint(0x010203040506) + zigzag(T) + zigzag(T + 4),
    "control_ledger": varint(6) + varint(300) + varint(7) + b"\1" + zigzag(472222) + listed([
        varint(299) + zigzag(472221) + zigzag(-40) + varint(120) + listed([b"\0" + varint(1000), b"\3" + varint(1)]),
        varint(300) + zigzag(-1) + zigzag(1 << 40) + varint(0) + listed([]),
    ]),
    "control_recorded": varint(7) + varint(300) + varint(7),
    "control_health": varint(8) + b"\1" + zigzag(-18500)
    + listed([text("exec boiler") + text("no answer within 5 s") + zigzag(T) + varint(12)]) + varint(2),
    "control_claimed": varint(9) + text("192.168.1.24:41000") + zigzag(T) + b"\1",
    "control_numbering": varint(10) + varint(300) + varint(70001) + varint(200)
    + listed([text("temp") + text("Cel") + varint(0) + varint(1000)]),
    "control_numbered": varint(11) + varint(300) + varint(70001) + varint(256),
}
READINGS = [
    (0, T, 21.5), (1, T, -3.0), (2, T, 1.0 / 3.0), (0, T + 1000, 21.6), (1, T + 1000, -3.0), (7, T + 1250, 1013.25),
    (7, T - 86_400_000, 0.0), (255, T, sys.float_info.max), (0, T, 31.7),
]


def read_body(body):
    """The readings of a batch body, by the table in the header of src/batch.rs."""
    at = 0

    def byte():
        nonlocal at
        at += 1
        return body[at - 1]

    def take():
        value = shift = 0
        while True:
            b = byte()
            value |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                return value

    def signed():
        n = take()
        return n >> 1 ^ -(n & 1)

    time, sensor, last, out = signed(), -1, {}, []
    while at < len(body):
        tag = byte()
        value_tag, time_tag, sensor_tag, inline = tag & 3, tag >> 2 & 1, tag >> 3 & 3, tag >> 5
        sensor = {0: lambda: (sensor + 1) % 256, 1: lambda: sensor, 2: byte}[sensor_tag]()
        if time_tag:
            time += signed()
        value, mantissa, scale = last.get(sensor, (0.0, 0, 0))
        if value_tag == 1:
            delta = inline or take()
            mantissa += delta >> 1 ^ -(delta & 1)
            value = mantissa / 10**scale
        elif value_tag == 2:
            scale = byte()
            mantissa = signed()
            value = mantissa / 10**scale
        elif value_tag == 3:
            (value,) = struct.unpack("<d", body[at : at + 8])
            at += 8
        last[sensor] = (value, mantissa, scale)
        out.append((sensor, time, value))
    return out


# ---- tasks ----


def check():
    with open(os.path.join(HERE, "golden/vectors.txt")) as file:
        golden = dict(line.split() for line in file if line.strip() and not line.startswith("#"))
    golden = {name: bytes.fromhex(value) for name, value in golden.items()}
    left = set(golden)

    def same(name, value):
        value = value.encode() if isinstance(value, str) else value
        assert golden[name] == value, f"{name}: {golden[name].hex()} is not {value.hex()}"
        left.discard(name)

    # The ciphers first, by the examples of their RFCs.
    scalar = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    point = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    assert x25519(scalar, point).hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    sunscreen = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    sealed = seal(bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647"),
                  bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), sunscreen)
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"

    same("hub_public", HUB_PUB)
    same("device_public", DEVICE_PUB)
    same("hub_id", id_of(HUB_PUB))
    for name, key in (("hub", HUB_PUB), ("device", DEVICE_PUB)):
        same(f"{name}_id_text", id_text(id_of(key)))
        same(f"{name}_words", words(id_of(key)))
    same("base32", base32(b"telemetry"))
    checksum = base32(blake2s(b"thub-token-v1", struct.pack("<Q", TOKEN_ID), TOKEN)[:2])[:2]
    same("token_text", f"thj1_{TOKEN_ID}_{base32(TOKEN)}{checksum}")
    same("token_psk", PSK)
    same("probe", bytes([0x10, 1, 1, 0]) + bytes([9]) * 8 + bytes(148))
    same("answer", bytes([0x11, 1, 1]) + id_of(HUB_PUB) + HUB_PUB + struct.pack("<H", 5770) + bytes([9]) * 8)

    for name, value in CONTROLS.items():
        same(name, b"\2" + value)
    assert read_body(golden["batch_body"]) == READINGS, read_body(golden["batch_body"])
    left.discard("batch_body")
    batch = bytes([1, 1]) + varint(300) + varint(70000) + golden["batch_body"]
    same("batch", batch)

    device, hub = device_noise(), hub_noise()
    first = hs1(device)
    same("hs1", first)
    same("hs1_proven", hs1(device_noise(), COOKIE))
    same("cookie", COOKIE)
    same("cookie_reply", cookie_reply(first, bytes([0x77]) * 24))
    assert hub.read1(golden["hs1"][8:126]) == OFFER and hub.rs == DEVICE_PUB
    same("hs2", hs2(hub))
    assert device.read2(golden["hs2"][12:76], PSK) == VERDICT
    same("handshake_hash", device.h)
    up, down = device.split()
    assert hub.split() == [up, down]
    same("data_up", data(up, HUB_INDEX, 0x010203040506, batch))
    same("data_down", data(down, DEVICE_INDEX, 0, b"\2" + CONTROLS["control_ack"]))
    assert unseal(up, nonce(0x010203040506), b"", golden["data_up"][16:]) == batch
    assert not left, f"not checked: {left}"


def say(datagram):
    print(datagram.hex(), flush=True)


def hear():
    return bytes.fromhex(sys.stdin.readline().strip())


def as_device():
    noise = Noise(prologue(HUB_PUB), DEVICE, os.urandom(32), HUB_PUB, HUB_PUB)
    say(hs1(noise))
    answer = hear()
    assert len(answer) == 92 and struct.unpack("<BBHII", answer[:12]) == (2, 1, 0, HUB_INDEX, DEVICE_INDEX)
    assert answer[76:] == mac(mac1_key(DEVICE_PUB), answer[:76])
    assert noise.read2(answer[12:76], PSK) == VERDICT
    up, down = noise.split()
    frame = hear()
    assert frame[:16] == struct.pack("<BBHIQ", 4, 0, 0, DEVICE_INDEX, 0)
    assert unseal(down, nonce(0), b"", frame[16:]) == b"from the hub"
    say(data(up, HUB_INDEX, 0, b"from the device"))


def as_hub():
    first = hear()
    assert len(first) == 192 and first[126:142] == mac(mac1_key(HUB_PUB), first[:126]) and not any(first[142:])
    say(cookie_reply(first, os.urandom(24)))
    second = hear()
    assert second[:142] == first[:142] and second[142:158] == mac(COOKIE, second[:142])
    noise = Noise(prologue(HUB_PUB), HUB, os.urandom(32), None, HUB_PUB)
    assert noise.read1(second[8:126]) == OFFER and noise.rs == DEVICE_PUB
    say(hs2(noise))
    up, down = noise.split()
    frame = hear()
    assert frame[:16] == struct.pack("<BBHIQ", 4, 0, 0, HUB_INDEX, 0)
    assert unseal(up, nonce(0), b"", frame[16:]) == b"from the device"
    say(data(down, DEVICE_INDEX, 0, b"from the hub"))


{"check": check, "device": as_device, "hub": as_hub}[sys.argv[1]]()
