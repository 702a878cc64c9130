# SPDX-License-Identifier: ISC
"""return, side by side with nginx: codes, texts, redirects, built-in pages, closing without an answer.

Left out: 498, for which nginx 1.22 sends the page of 404 (a hole in its table); ours has no page.
"""
import pytest

from support.client import Client
from support.nginx import Row, answer, assert_same, raw_bytes, side_by_side  # noqa: F401

CODES = [*range(200, 207), *range(300, 309), *range(400, 419), 421, 422, 423, 424, 425, 426, 428, 429, 431, 444,
         451, *range(494, 498), *range(499, 512), 599]

FORMS = {
    "/text": 'return 200 "plain $uri on $host\\n";',
    "/empty": 'return 200 "";',
    "/bare": "return 200;",
    "/typed": 'default_type text/html; return 200 "<p>$request_uri";',
    "/untyped": 'default_type ""; return 200 x;',
    "/204text": "return 204 text;",
    "/206text": "return 206 text;",
    "/304text": "return 304 text;",
    "/404text": "return 404 nope;",
    "/408text": "return 408 slow;",
    "/444text": "return 444 text;",
    "/500text": 'return 500 "broken: $args";',
    "/url": "return http://other.example/x?y;",
    "/urls": "return https://$host$request_uri;",
    "/301": "return 301 https://$host$request_uri;",
    "/302": "return 302 /relative?$args;",
    "/303": "return 303 relative;",
    "/307": "return 307 //twice/x;",
    "/308": "return 308 http://$host:8080$uri;",
    "/301empty": 'return 301 "";',
    "/301bare": "return 301;",
    "/slash": "return 302 /;",
    "/query": "return 302 ?x;",
}

REQUESTS = ["GET %s", "GET %s?a=b&c", "HEAD %s", "POST %s", "PUT %s", "DELETE %s", "GET %s/x.css", "GET %s%%20x"]


def test_every_form_as_nginx(side_by_side):  # noqa: F811
    locations = "\n".join(f"location {path} {{ {form} }}" for path, form in FORMS.items())
    ours, nginx = side_by_side(f"""
        types {{ text/css css; }}
        server {{ listen 127.0.0.1:@PORT@; server_name first.example a.example; {locations} }}""")
    rows = [Row(request % path) for path in FORMS for request in REQUESTS]
    rows += [Row("POST " + path, body=b"a=b") for path in FORMS]
    rows += [Row("GET " + path, ["Host: Other.EXAMPLE:99"]) for path in ("/301", "/302", "/308", "/text")]
    rows += [Row("", raw=b"GET %b HTTP/1.0\r\n\r\n" % path) for path in (b"/301", b"/302", b"/308", b"/text")]
    rows += [Row("GET /text", [field]) for field in (
        "If-None-Match: *", 'If-None-Match: "x"', 'If-Match: "x"', "If-Match: *", "Range: bytes=0-1",
        "If-Modified-Since: Sat, 21 Nov 2026 01:46:04 GMT", "If-Unmodified-Since: Sat, 21 Nov 2026 01:46:04 GMT")]
    assert_same(ours, nginx, rows)


def test_every_code_as_nginx(side_by_side):  # noqa: F811
    ours, nginx = side_by_side("server { listen 127.0.0.1:@PORT@; %s }" % "\n".join(
        f"location /{code} {{ return {code}; }}" for code in CODES))
    assert_same(ours, nginx, [Row(f"{method} /{code}") for code in CODES for method in ("GET", "HEAD")])


def test_a_servers_return_comes_before_its_locations(side_by_side):  # noqa: F811
    ours, nginx = side_by_side("""
        server { listen 127.0.0.1:@PORT@; server_name a.example; location = / { return 200 root; } return 410 all; }
        server { listen 127.0.0.1:@PORT@; server_name b.example; return 301 https://$server_name$request_uri; }""")
    assert_same(ours, nginx, [Row("GET /"), Row("GET /x")])
    assert_same(ours, nginx, [Row("GET /"), Row("GET /x?y")], host="b.example")


def test_tokens_can_be_hidden(side_by_side):  # noqa: F811
    ours, nginx = side_by_side("server { listen 127.0.0.1:@PORT@; server_tokens off; return 404; }")
    assert_same(ours, nginx, [Row("GET /")])
    page = answer(ours.port, raw_bytes(Row("GET /")))
    assert b"\r\nServer: tinyproxyd\r\n" in page and b"<center>tinyproxyd</center>" in page
    shown = answer(nginx.port, raw_bytes(Row("GET /")))
    assert b"\r\nServer: nginx\r\n" in shown


def test_redirects_name_scheme_and_port(tinyproxyd, free_port, certs):
    plain, tls, site = free_port(), free_port(), certs.issue("a.example")
    tinyproxyd(f"""http {{ server {{
        listen 127.0.0.1:{plain}; listen [::1]:{plain}; listen 127.0.0.1:{tls} ssl;
        ssl_certificate {site.cert}; ssl_certificate_key {site.key};
        return 301 /x;
    }} }}""")
    def location(port, **more):
        with Client(port, **more) as client:
            return client.request("/", host="a.example:1234").get("Location")
    assert location(plain) == f"http://a.example:{plain}/x"
    assert location(plain, host="::1") == f"http://a.example:{plain}/x"
    assert location(tls, tls=True, server_name="a.example") == f"https://a.example:{tls}/x"
    for address, shown in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")):
        with Client(plain, host=address) as client:
            got = client.exchange(b"GET / HTTP/1.0\r\n\r\n")
            assert got.get("Location") == f"http://{shown}:{plain}/x"


@pytest.mark.parametrize("directive", ["return 302 http://b.example$uri", "return 302 $uri",
                                       "return 302 /?$arg_x$uri"])
def test_a_path_cannot_add_a_field(tinyproxyd, free_port, directive):
    """nginx writes the decoded line break into Location; we write it encoded."""
    port = free_port()
    tinyproxyd(f"http {{ server {{ listen 127.0.0.1:{port}; {directive}; }} }}")
    for injected in ("%0d%0aSet-Cookie:%20a=b", "%0aSet-Cookie:%20a=b", "%0d%0a%0d%0a<html>"):
        got = answer(port, raw_bytes(Row("GET /x" + injected)))
        head, _, body = got.partition(b"\r\n\r\n")
        assert b"\nSet-Cookie" not in head and body.startswith(b"<html>\r\n<head><title>302 Found")
        assert b"%0A" in head


def test_a_connection_goes_on_after_an_answer_and_ends_after_none(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        location / {{ return 200 "$connection_requests"; }}
        location /none {{ return 444; }}
    }} }}""")
    with Client(port) as client:
        assert client.request("/").body == b"1"
        assert client.request("/", method="POST", body=b"some body").body == b"2"
        assert client.request("/", method="HEAD").body == b""
        assert client.request("/").body == b"4"
        client.send(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.until_closed() == b""
