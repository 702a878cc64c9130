# SPDX-License-Identifier: ISC
"""Records of TLS 1.3 on the wire: sizes, suites, padding, new keys, what breaks them; by OpenSSL's client and Python's."""
import hashlib
import re
import ssl
import subprocess

import pytest

from support.client import Client, get, tls_context
from support.pattern import pattern_bytes, pattern_sha256
from support.process import run
from support.wait import DEADLINE_S

V13 = ssl.TLSVersion.TLSv1_3
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
ADDED = 17  # the type within, the tag


def server(port, site, rules="", body='return 200 "$ssl_cipher $ssl_session_reused";'):
    return f"""server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {site.cert}; ssl_certificate_key {site.key}; {rules}
        {body} }}"""


class Raw:
    """Python's TLS 1.3 over a socket in the open: the records that come are noted, and any bytes can be sent."""

    def __init__(self, port):
        self.incoming, self.outgoing, self.wire = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
        self.tls = tls_context(minimum=V13).wrap_bio(self.incoming, self.outgoing)
        self.client = Client(port)
        self.step(self.tls.do_handshake)
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def flush(self):
        self.client.send(self.outgoing.read())

    def step(self, do):
        while True:
            try:
                return do()
            except ssl.SSLWantReadError:
                self.flush()
                more = self.client.reader.some(65536)
                self.wire += more
                self.incoming.write(more)
                if not more:
                    self.incoming.write_eof()

    def sealed(self, data):
        """The record or records of data."""
        self.tls.write(data)
        return self.outgoing.read()

    def send(self, data):
        self.client.send(data)

    def answer(self):
        """What is left, to close_notify."""
        text = b""
        while more := self.step(lambda: self.tls.read(65536)):
            text += more
        return text

    def lengths(self):
        """Of the records with type 23 that came."""
        found, wire = [], self.wire
        while wire:
            length = int.from_bytes(wire[3:5], "big")
            found += [length] if wire[0] == 23 else []
            wire = wire[5 + length:]
        return found


def request(path="/", close=True, more="", method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\n{more}{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n".encode()


@pytest.fixture
def echo(tinyproxyd, certs, free_port, backend):
    """(proxy, port): everything goes to the backend."""
    port = free_port()
    proxy = tinyproxyd("http { client_max_body_size 0;" + server(
        port, certs.issue("a.example"), body=f"location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}") + "}")
    return proxy, port


@pytest.mark.parametrize("suite", SUITES)
def test_suites(tinyproxyd, certs, free_port, backend, tmp_path, suite):
    """Much in both directions by each."""
    port = free_port()
    tinyproxyd("http { client_max_body_size 0;" + server(
        port, certs.issue("a.example"), body=f"""location /suite {{ return 200 "$ssl_cipher"; }}
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}""") + "}")
    (tmp_path / "body").write_bytes(pattern_bytes(3_000_001))
    curl = ["curl", "-sSk", "--http1.1", "--tls13-ciphers", suite]
    done = run([*curl, f"https://127.0.0.1:{port}/suite"])
    assert done.out == suite
    # One connection for both.
    done = run([*curl, "-o", tmp_path / "down", f"https://127.0.0.1:{port}/bytes/5000003", "--next", *curl[1:],
                "-H", "Expect:", "--data-binary", f"@{tmp_path / 'body'}", "-o", tmp_path / "up", f"https://127.0.0.1:{port}/echo"])
    assert done.code == 0, done.err
    assert hashlib.sha256((tmp_path / "down").read_bytes()).hexdigest() == pattern_sha256(5000003)
    assert backend.last.body == pattern_bytes(3_000_001)


def test_a_request_cut_anywhere(echo, backend):
    _, port = echo
    with Raw(port) as client:
        for close in (False, True):
            record = client.sealed(request("/bytes/3", close=close))
            for at in range(0, len(record), 1 if close else 7):
                client.send(record[at:at + (1 if close else 7)])
        text = client.answer()
    assert text.count(b"HTTP/1.1 200") == 2 and len(backend.requests) == 2


def test_requests_in_one_segment_with_the_handshake(echo):
    """What comes in the same read as the client's Finished is not lost on the way from one to the other."""
    _, port = echo
    for count in (1, 3):
        with Client(port) as tcp:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = tls_context(minimum=V13).wrap_bio(incoming, outgoing)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    tcp.send(outgoing.read())
                    incoming.write(tcp.reader.some(65536))
            for i in range(count):
                tls.write(request("/bytes/2", close=i == count - 1))
            tcp.send(outgoing.read())
            text = b""
            while True:
                try:
                    more = tls.read(65536)
                    if not more:
                        break
                    text += more
                except ssl.SSLWantReadError:
                    incoming.write(tcp.reader.some(65536))
            assert text.count(b"HTTP/1.1 200") == count


@pytest.mark.parametrize("rules, fits", [
    ("", lambda n: n <= 16384 + ADDED), ("ssl_buffer_size 4k;", lambda n: n <= 4096 + ADDED),
    ("ssl_conf_command RecordPadding 512;", lambda n: (n - ADDED) % 512 in (0, 511)),
])
def test_sizes(tinyproxyd, certs, free_port, backend, rules, fits):
    port = free_port()
    tinyproxyd("http {" + server(port, certs.issue("a.example"), rules,
                                 f"location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}") + "}")
    with Raw(port) as client:
        # Behind the handshake's, whose keys are others.
        handshake = len(client.lengths())
        client.send(client.sealed(request("/bytes/200000")))
        assert client.answer().endswith(pattern_bytes(200000))
        lengths = client.lengths()[handshake:]
    assert lengths and all(fits(n) for n in lengths), lengths


def test_fragments_that_the_client_wants_small(echo):
    """RFC 6066, 4: what it asked for is kept to."""
    _, port = echo
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-maxfraglen", "512", "-msg", "-ign_eof"],
                          input=request("/bytes/5000"), capture_output=True, timeout=DEADLINE_S, check=True)
    heads = re.findall(rb"<<< [^\n]*RecordHeader \[length 0005\]\n +17 03 03 (..) (..)", done.stdout)
    assert len(heads) > 10 and max(int(a + b, 16) for a, b in heads) <= 512 + 256, heads


@pytest.mark.parametrize("key", ["k", "K"])
def test_new_keys(echo, key):
    """KeyUpdate by OpenSSL's client, by itself (k) and asking for ours too (K), several times."""
    _, port = echo
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-msg"], errors="replace",
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        def say(text):
            client.stdin.write(text)
            client.stdin.flush()

        def heard(pattern):
            said = ""
            while not re.search(pattern, said):
                line = client.stdout.readline()
                assert line, said
                said += line
            return said

        heard("NewSessionTicket")
        for turn in range(3):
            say(f"{key}\n")
            heard(r">>> TLS 1.3, Handshake \[length 0005\], KeyUpdate")
            say(f"GET /bytes/{turn} HTTP/1.1\r\nHost: a\r\n\r\n")
            said = heard("Content-Length: |content-length: ")
            assert ("<<< TLS 1.3, Handshake [length 0005], KeyUpdate" in said) == (key == "K"), said
        client.kill()


@pytest.mark.parametrize("broken, alert, words", [
    (b"\x17\x03\x03\x00\x20" + b"x" * 32, "BAD_RECORD_MAC|bad record mac", "decryption failed or bad record mac"),
    (b"\x17\x03\x03\x48\x01", "RECORD_OVERFLOW|record overflow", "peer sent a record that is too long"),
    (b"\x15\x03\x03\x00\x02\x02\x28", "UNEXPECTED_MESSAGE|unexpected message", "peer sent a record of an unknown kind"),
    (b"GET / HTTP/1.1\r\n\r\n", "UNEXPECTED_MESSAGE|unexpected message", "peer sent a record of an unknown kind"),
])
def test_what_breaks_a_connection(echo, broken, alert, words):
    """The client is told by an alert, the operator in the log, and what was right before it was served."""
    proxy, port = echo
    with Raw(port) as client:
        client.send(client.sealed(request("/bytes/3", close=False)))
        assert b"200 OK" in client.step(lambda: client.tls.read(65536))
        client.send(broken)
        with pytest.raises(ssl.SSLError, match=alert):
            client.answer()
    assert proxy.wait_for_error(rf"\[info\].*{words}")
    assert get(port, "/bytes/1", tls=True).status == 200


def test_many_connections_take_turns(echo):
    """Each has keys of its own in what they share."""
    _, port = echo
    contexts = [tls_context(minimum=V13) for _ in range(3)]
    clients = [Client(port, tls=contexts[i % 3], server_name="a.example") for i in range(12)]
    for turn in range(20):
        for at in range(len(clients)):
            client = clients[(at * 5 + turn) % len(clients)]
            assert client.request(f"/bytes/{turn * 37 + at}").body == pattern_bytes(turn * 37 + at)
    for client in clients:
        client.close()
