# SPDX-License-Identifier: ISC
"""tinyproxyd's command line beyond start and stop: --explain, --from/--to, -T, -V."""
import hashlib
import os
import re
import ssl

import pytest
from support import programs
from support.client import get, served_certificate
from support.process import run

CONFIG = """
http {{
    upstream app {{ server 127.0.0.1:9000; server 127.0.0.1:9001 backup; }}
    server {{
        listen 127.0.0.1:{port};
        server_name a.example www.a.example;
        root {dir}/www;
        location /api/ {{ proxy_pass http://app/v2/; proxy_set_header X-Real-IP $remote_addr; }}
        location /plain {{ proxy_pass http://127.0.0.1:9002; proxy_set_header Host $host; proxy_http_version 1.0; }}
        location /go {{ return 301 $scheme://$host$request_uri; }}
        location /deny {{ return 403; }}
        location /text {{ default_type text/x; return 200 "hello"; }}
        location / {{ }}
    }}
    server {{
        listen 127.0.0.1:{port};
        server_name other.example;
        return 302 /elsewhere;
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {cert}; ssl_certificate_key {key};
        location / {{ return 200 "$scheme"; }}
        location /go {{ return 301 $scheme://$host$request_uri; }}
    }}
}}
"""


@pytest.fixture
def explain(tinyproxyd, certs, free_port):
    port, tls = free_port(), free_port()
    leaf = certs.issue("t.example")
    proxy = tinyproxyd("http { }", started=False)
    (proxy.directory / "www/sub").mkdir(parents=True)
    (proxy.directory / "www/sub/index.html").write_text("x")
    proxy.write(CONFIG.format(port=port, tls=tls, dir=proxy.directory, cert=leaf.cert, key=leaf.key))

    def ask(url, code=0):
        done = proxy.run("-t", "-q", "--explain", url.replace("PORT", str(port)).replace("TLS", str(tls)))
        assert done.code == code, done
        text = re.sub(rf"\b({port})\b", "PORT", done.out + done.err).replace(str(tls), "TLS")
        return text.replace(str(proxy.config), "CONF").replace(str(proxy.directory), "DIR")
    return ask


def test_explain(explain):
    assert explain("http://a.example:PORT/api/x?y=1") == """\
http://a.example:PORT/api/x?y=1
listen      127.0.0.1:PORT
server      "a.example" "www.a.example" in CONF:4
location    location /api/ in CONF:8
upstream    http://app/v2/x?y=1
peers       127.0.0.1:9000, 127.0.0.1:9001 (backup)
request
    GET /v2/x?y=1 HTTP/1.1
    X-Real-IP: 127.0.0.1
    Host: app

"""
    assert explain("http://WWW.a.example:PORT/plain%20x").endswith("""\
upstream    http://127.0.0.1:9002/plain%20x
peers       127.0.0.1:9002
request
    GET /plain%20x HTTP/1.0
    Host: www.a.example
    Connection: close

""")
    for url, ends in (
            ("http://a.example:PORT/go?x", "answer      301\n    Location: http://a.example/go?x\n    Content-Type: text/html\n"),
            ("http://other.example:PORT/go", "location    none\nanswer      302\n"
             "    Location: http://other.example:PORT/elsewhere\n    Content-Type: text/html\n"),
            ("http://a.example:PORT/deny", "answer      403\n    Content-Type: text/html\n"),
            ("http://a.example:PORT/text", "answer      200\n    Content-Type: text/x\n"),
            ("http://a.example:PORT/none", "file        DIR/www/none (not there)\n"),
            ("http://a.example:PORT/sub/", "file        DIR/www/sub/index.html\n"),
            ("https://t.example:TLS/go", "    Location: https://t.example/go\n    Content-Type: text/html\n")):
        text = explain(url)
        assert text.endswith(ends), text
    assert "listen      127.0.0.1:TLS ssl\n" in explain("https://t.example:TLS/")
    assert "nothing listens for https on port PORT" in explain("https://a.example:PORT/", 1)
    assert "is no URL" in explain("a.example", 1)
    assert "refused with 400" in explain("http://a.example:PORT/%00", 1)


def test_from_to(start, backend, certs, free_port, tmp_path):
    own = certs.issue("own.example")
    for more in ([], ["--cert", own.cert, "--key", own.key]):
        port = free_port()
        proxy = start("tinyproxyd", [programs.path("tinyproxyd"), "--from", f"127.0.0.1:{port}",
                                     "--to", f"127.0.0.1:{backend.port}", *more], cwd=tmp_path)
        proxy.wait_for_port(port)
        proxy.wait_for(lambda p=proxy: "is in service" in p.output(), "service")
        assert get(port, "/echo", tls=True).status == 200
        assert backend.last.get("x-forwarded-proto") == "https"
        assert backend.last.get("host") == f"127.0.0.1:{port}" or backend.last.get("host") == "localhost"
        pem = ssl.DER_cert_to_PEM_cert(served_certificate(port, "localhost"))
        if more:
            assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == own.sha256
        assert proxy.stop() == 0
        made = re.findall(r"/tmp/tinyproxyd-\w+", proxy.output())
        assert not any(os.path.exists(path) for path in made)


@pytest.mark.parametrize("words, text", [
    (["--from", "443"], "--from and --to go together"), (["--to", "a:1"], "--from and --to go together"),
    (["--from", "x:y", "--to", "a:1"], "invalid port"), (["--from", "443", "--to", "localhost"], "no port"),
    (["--from", "443", "--to", "a:1", "--key", "k"], "--cert and --key go together"),
    (["--from", "443; }", "--to", "a:1"], "is no address")])
def test_from_to_refusals(words, text):
    done = run([programs.path("tinyproxyd"), *words], check=1)
    assert text in done.err


def test_version_and_dump(tinyproxyd, tmp_path):
    proxy = tinyproxyd("include more.conf;\nhttp { include more2.conf; include more2.conf; }", started=False)
    (proxy.directory / "more.conf").write_text("worker_processes 2;\n")
    (proxy.directory / "more2.conf").write_text("types { a/b c; }")
    done = proxy.run("-T", "-q", check=0)
    assert done.out == "".join(f"# configuration file {path}:\n{path.read_text()}\n" for path in (
        proxy.config, proxy.directory / "more.conf", proxy.directory / "more2.conf"))
    assert re.fullmatch(r"tinyproxyd version: tinyproxyd/[\d.]+\n", proxy.run("-v", check=0).err)
    lines = proxy.run("-V", check=0).err.splitlines()
    assert lines[1] == "nginx version: nginx/1.31.4" and lines[2].startswith("built with OpenSSL 3.")
    assert lines[3] == "TLS SNI support enabled" and lines[4].startswith("configure arguments: --with-http_ssl_module")
