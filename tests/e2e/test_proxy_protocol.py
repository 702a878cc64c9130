# SPDX-License-Identifier: ISC
"""PROXY protocol towards us: who the client says it is, and nothing believed that is malformed."""
import signal

import pytest
from support.client import Client, tls_context
from support.h2frames import H2, PREFACE, SETTINGS, frame_bytes
from support.proxy_header import SIGNATURE, tlv, v1, v2
from support.sites import refuses
from support.wait import wait_until

SHOWN = ("$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr "
         "$proxy_protocol_server_port $remote_addr")
GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

GOOD = {
    "v1": (v1(), "192.0.2.1 56324 198.51.100.1 443 127.0.0.1"),
    "v1 IPv6": (v1("2001:db8::1", 1, "2001:db8::2", 2), "2001:db8::1 1 2001:db8::2 2 127.0.0.1"),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", "    127.0.0.1"),
    "v2": (v2(), "192.0.2.1 56324 198.51.100.1 443 127.0.0.1"),
    "v2 IPv6": (v2("2001:db8::1", 1, "2001:db8::2", 2), "2001:db8::1 1 2001:db8::2 2 127.0.0.1"),
    "v2 local": (v2(command=0), "    127.0.0.1"),
    "v2 longest": (v2(tlvs=tlv(4, b"x" * (4096 - 16 - 12 - 3))), "192.0.2.1 56324 198.51.100.1 443 127.0.0.1"),
}

BAD = {
    "none": b"", "lower case": v1().lower(), "no port": b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "no CR": v1().replace(b"\r", b""), "leading zero": b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
    "wrong family": b"PROXY TCP4 ::1 ::1 1 2\r\n", "blank too many": v1().replace(b" ", b"  ", 1),
    "too long": b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n", "NUL": v1().replace(b".1 ", b".1\0 ", 1),
    "v2 version": SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
    "v2 short": SIGNATURE + b"\x21\x11\0\x0b" + bytes(11),
    "v2 family": SIGNATURE + b"\x21\x41\0\x0c" + bytes(12),
    "v2 command": SIGNATURE + b"\x22\x11\0\x0c" + bytes(12),
    "v2 too long": SIGNATURE + b"\x21\x11\xff\xff",
    "v2 cut TLV": v2(tlvs=b"\x01\0\x05ab"), "v2 checksum": v2(tlvs=tlv(3, bytes(4))),
}


@pytest.fixture
def site(tinyproxyd, free_port, certs):
    plain, tls = free_port(), free_port()
    cert = certs.issue("a.example")
    proxy = tinyproxyd(f"""http {{ server {{
        listen 127.0.0.1:{plain} proxy_protocol;
        listen 127.0.0.1:{tls} ssl proxy_protocol;
        ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};
        location / {{ return 200 "{SHOWN}"; }}
        location /tlv {{ return 200 "$proxy_protocol_tlv_authority|$proxy_protocol_tlv_alpn|$proxy_protocol_tlv_0xea|$proxy_protocol_tlv_ssl_version|$proxy_protocol_tlv_ssl_verify|$proxy_protocol_tlv_ssl_cn"; }}
    }} }}""")
    return proxy, plain, tls


def test_what_headers_say(site):
    _, plain, _ = site
    for name, (header, said) in GOOD.items():
        with Client(plain) as client:
            assert client.exchange(header + GET).body.decode() == said, name
            assert client.exchange(GET).body.decode() == said, f"{name}, second request"


def test_headers_in_pieces(site):
    _, plain, _ = site
    for name, (header, said) in GOOD.items():
        with Client(plain) as client:
            step = 1 if len(header) < 200 else 500
            for at in range(0, len(header), step):
                client.send(header[at:at + step])
            assert client.exchange(GET).body.decode() == said, name


def test_malformed_headers_end_the_connection(site):
    proxy, plain, _ = site
    for name, header in BAD.items():
        with Client(plain) as client:
            client.send(header + GET)
            assert client.until_closed() == b"", name
    lines = [line for line in proxy.errors("error") if "while reading PROXY protocol" in line]
    assert len(lines) == len(BAD), lines
    assert "client: 127.0.0.1, server: 127.0.0.1:" in lines[0]
    proxy.forget_errors()


def test_a_client_that_leaves_in_the_middle_is_forgotten(site):
    proxy, plain, _ = site
    with Client(plain) as client:
        client.send(v1()[:10])
        client.half_close()
        client.wait_closed()
    with Client(plain) as client:
        client.send(v2()[:20])
        client.reset()
    proxy.wait_for_error(r"while reading PROXY protocol, client: 127.0.0.1")
    with Client(plain) as client:
        assert client.exchange(v1() + GET).status == 200


def test_before_the_handshake(site, certs):
    _, _, tls = site
    with Client(tls) as client:
        client.send(v2())
        client.sock = tls_context(certs.ca).wrap_socket(client.sock, server_hostname="a.example")
        client.reader.sock = client.sock
        assert client.exchange(GET).body.decode() == GOOD["v2"][1]


@pytest.mark.parametrize("front", ["", "passed on"])
def test_before_http2(tinyproxyd, free_port, certs, front):
    """Whole or in pieces, in one packet with the preface or not, and behind a listener that looks into the ClientHello."""
    port, tls, inner, cert = free_port(), free_port(), free_port(), certs.issue("a.example")
    tinyproxyd(f"""
stream {{ server {{ listen 127.0.0.1:{tls} proxy_protocol; ssl_preread on; pass 127.0.0.1:{inner}; }} }}
http {{ server {{ listen 127.0.0.1:{port} proxy_protocol; listen 127.0.0.1:{inner} ssl; http2 on;
    ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};
    set_real_ip_from 127.0.0.0/8; real_ip_header proxy_protocol;
    return 200 "$server_protocol $remote_addr $remote_port $proxy_protocol_addr $realip_remote_addr"; }} }}""")
    for header in (v1(), v2()):
        for pieces in ([header + PREFACE, frame_bytes(SETTINGS, 0, 0)], [bytes([b]) for b in header + PREFACE + frame_bytes(SETTINGS, 0, 0)]):
            with H2(tls if front else port, start=False) as client:
                if front:
                    client.send(header)
                    client.sock = tls_context(certs.ca, alpn=["h2"]).wrap_socket(client.sock, server_hostname="a.example")
                    client.reader.sock = client.sock
                    pieces = [PREFACE, frame_bytes(SETTINGS, 0, 0)]
                for piece in pieces:
                    client.send(piece)
                for stream in (1, 3):
                    assert client.request(stream).body == b"HTTP/2.0 192.0.2.1 56324 192.0.2.1 127.0.0.1"
                client.sock.close()


def test_tlvs(site):
    _, plain, _ = site
    ssl = b"\x01" + (7).to_bytes(4, "big") + tlv(0x21, b"TLSv1.3") + tlv(0x22, b"cn.example")
    header = v2(tlvs=tlv(2, b"a.example") + tlv(1, b"h2") + tlv(0xea, b"vpc") + tlv(0x20, ssl))
    with Client(plain) as client:
        answer = client.exchange(header + GET.replace(b" / ", b" /tlv "))
        assert answer.body == b"a.example|h2|vpc|TLSv1.3|7|cn.example"
    with Client(plain) as client:
        assert client.exchange(v1() + GET.replace(b" / ", b" /tlv ")).body == b"|||||"


def test_waiting_connections_end_with_their_listener(site):
    proxy, plain, tls = site
    with Client(plain) as waiting, Client(tls) as other:
        waiting.send(v1()[:5])
        proxy.reload(proxy.config.read_text().replace(f"listen 127.0.0.1:{plain} proxy_protocol;", ""))
        waiting.wait_closed()
        assert other.is_open()


@pytest.mark.parametrize("how", ["reload", "drain"])
def test_who_has_just_come_is_served_though_the_listener_goes(site, how):
    proxy, plain, _ = site
    with Client(plain) as client:
        client.send(v1()[:5])
        wait_until(lambda: proxy.status()["workers"][0]["connections"] == 1, "the client to be there")
        if how == "reload":
            proxy.reload(proxy.config.read_text().replace(f"listen 127.0.0.1:{plain} proxy_protocol;", ""))
        else:
            proxy.send(signal.SIGQUIT)
            wait_until(lambda: refuses(plain), "the listener to go")
        client.send(v1()[5:])
        assert client.exchange(GET).body.decode() == GOOD["v1"][1]
        client.wait_closed()


def test_a_header_may_come_after_a_reload(site):
    proxy, plain, _ = site
    with Client(plain) as patient, Client(plain) as leaver:
        patient.send(v1()[:5])
        leaver.send(v1()[:5])
        for _ in range(2):
            proxy.reload(proxy.config.read_text() + "# changed\n")
        leaver.close()
        patient.send(v1()[5:])
        assert patient.exchange(GET).body.decode() == GOOD["v1"][1]
    proxy.wait_for_error(r"client closed connection while reading PROXY protocol")


@pytest.mark.parametrize("kind, directive", [("http", "client_header_timeout"), ("stream", "proxy_protocol_timeout")])
def test_a_client_that_says_nothing_is_not_waited_for(tinyproxyd, free_port, kind, directive):
    port = free_port()
    proxy = tinyproxyd(f"""{kind} {{ {directive} 200ms; server {{
        listen 127.0.0.1:{port} proxy_protocol; return 200; }} }}""")
    with Client(port) as client:
        client.wait_closed()
    proxy.wait_for_error(r"client timed out while reading PROXY protocol")
