# SPDX-License-Identifier: ISC
"""acme_webroot: tokens that are there come before redirects, access rules and locations; others do not."""
import pytest

from support.client import get

CONFIG = """http {
    acme_webroot @DIR@/common;
    server { listen 127.0.0.1:@PORT@; server_name a.example; return 301 https://$host$request_uri; }
    server { listen 127.0.0.1:@PORT@; server_name b.example; deny all;
        acme_webroot @DIR@/all/; acme_webroot @DIR@/own b.example *.c.example;
        error_page 404 /x; location / { return 200 "location $uri"; } }
    server { listen 127.0.0.1:@PORT@; server_name x.c.example d.example;
        acme_webroot @DIR@/own *.c.example; location / { return 404 "none"; } }
}"""

BASE = "/.well-known/acme-challenge/"


@pytest.fixture
def proxy(tinyproxyd, free_port):
    p = tinyproxyd("http { }", started=False)
    p.port = free_port()
    p.write(CONFIG.replace("@DIR@", str(p.directory)).replace("@PORT@", str(p.port)))
    for name, text in {"common/tok-1_A": "common", "own/tok": "own", "all/tok2": "all", "own/dir/x": "x"}.items():
        path = p.directory / name.split("/")[0] / BASE.strip("/") / name.split("/", 1)[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        for part in [path.parent, *path.parent.parents]:
            if str(part).startswith(str(p.directory)):
                part.chmod(0o755)
        path.write_text(text)
        path.chmod(0o644)
    p.start()
    return p


@pytest.mark.parametrize("host, path, status, body", [
    ("a.example", BASE + "tok-1_A", 200, b"common"),
    ("a.example", BASE + "other", 301, None),
    ("a.example", BASE, 301, None),
    ("a.example", BASE + "tok-1_A/", 301, None),
    ("a.example", BASE + "tok-1_A?x", 200, b"common"),
    ("b.example", BASE + "tok", 200, b"own"),
    ("b.example", BASE + "tok2", 200, b"all"),
    ("b.example", BASE + "tok-1_A", 200, b"location " + (BASE + "tok-1_A").encode()),
    ("b.example", BASE + "dir", 200, b"location " + (BASE + "dir").encode()),
    ("b.example", BASE + "..%2ftok2", 200, b"location /.well-known/tok2"),
    ("x.c.example", BASE + "tok", 200, b"own"),
    ("d.example", BASE + "tok", 404, b"none"),
])
def test_tokens(proxy, host, path, status, body):
    response = get(proxy.port, path, host=host)
    assert response.status == status
    if body is not None:
        assert response.body == body
    if body in (b"common", b"own", b"all"):
        assert response.get("content-type") == "text/plain"


def test_other_methods_go_on(proxy):
    assert get(proxy.port, BASE + "tok-1_A", host="a.example", method="POST").status == 301
    assert get(proxy.port, BASE + "tok-1_A", host="a.example", method="HEAD").status == 200


@pytest.mark.parametrize("text, why", [
    ("acme_webroot;", "invalid number of arguments"), ('acme_webroot "";', "invalid value"),
    ("acme_webroot /x a..b;", 'invalid host name or wildcard "a..b"'),
    ("server { location / { acme_webroot /x; } }", "not allowed here"),
])
def test_refused(tinyproxyd, text, why):
    proxy = tinyproxyd("http { %s }" % text, started=False)
    done = proxy.run("-t")
    assert done.code == 1 and why in done.err
