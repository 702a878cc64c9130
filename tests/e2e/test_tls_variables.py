# SPDX-License-Identifier: ISC
"""$ssl_* of the connection side by side with nginx, as clients of two libraries make them; client certificates: test_tls_clients."""
import re

from support.nginx import side_by_side  # noqa: F401
from support.process import run
from support.wait import DEADLINE_S, wait_until

NAMES = ("protocol", "cipher", "ciphers", "curve", "curves", "server_name", "alpn_protocol", "session_reused", "early_data",
         "session_id")
REQUEST = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"


def openssl(*arguments):
    return lambda port: ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-ign_eof", *arguments]


def gnutls(priority, *arguments):
    return lambda port: ["gnutls-cli", "--insecure", "--port", port, "--priority", priority, *arguments, "127.0.0.1"]


def told(command, port):
    """variable → value; the ID's form instead of its value."""
    said = run(command(port), stdin=REQUEST, deadline_s=DEADLINE_S).out
    values = re.search(r"^<(.*)>$", said, re.M)
    assert values, said
    values = dict(zip(NAMES, values[1].split("|")))
    values["session_id"] = re.sub("[0-9a-f]{64}", "32 bytes", values["session_id"])
    return values


def test_as_nginx(side_by_side, certs):
    site = certs.issue("a.example", key="rsa")
    ours, nginx = side_by_side(f"""log_format v "{"|".join(f"$ssl_{name}" for name in NAMES)}"; server {{ listen 127.0.0.1:@PORT@ ssl http2; ssl_protocols TLSv1.2 TLSv1.3; ssl_early_data on;
        ssl_certificate {site.cert}; ssl_certificate_key {site.key}; ssl_session_cache shared:S:1m; access_log @DIR@/log v;
        return 200 "<{"|".join(f"$ssl_{name}" for name in NAMES)}>\\n"; }}""")
    clients = {
        "1.2": openssl("-tls1_2", "-servername", "a.example"),
        "1.3": openssl("-tls1_3", "-servername", "a.example", "-alpn", "http/1.1"),
        "nameless": openssl("-noservername", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305", "-tls1_2"),
        "few": openssl("-tls1_3", "-groups", "P-384:X448", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
        "DHE": openssl("-tls1_2", "-cipher", "AES256-SHA256:AES128-GCM-SHA256"),
        "ticketless": openssl("-tls1_2", "-no_ticket", "-alpn", "foo,http/1.1"),
        # What OpenSSL has no names for.
        "gnutls 1.2": gnutls("NORMAL:-VERS-ALL:+VERS-TLS1.2:+CAMELLIA-128-GCM", "--sni-hostname", "a.example"),
        "gnutls 1.3": gnutls("NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP256R1:+GROUP-FFDHE2048", "--alpn", "http/1.1"),
    }
    pairs = {name: (told(command, ours.port), told(command, nginx.port)) for name, command in clients.items()}
    different = {name: {v: (o[v], t[v]) for v in o if o[v] != t[v]} for name, (o, t) in pairs.items() if o != t}
    assert not different, different
    def logged(proxy):
        return re.sub("[0-9a-f]{64}", "32 bytes", (proxy.directory / "log").read_text())
    wait_until(lambda: logged(ours) == logged(nginx) != "", lambda: f"{logged(ours)}\n{logged(nginx)}")
    assert re.search("0x[0-9a-f]{4}", pairs["gnutls 1.2"][0]["ciphers"])
    assert pairs["ticketless"][0]["session_id"] == "32 bytes" and pairs["few"][0]["curves"] == "secp384r1:X448"
    assert not ours.errors()
