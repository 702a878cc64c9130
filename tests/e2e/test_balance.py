# SPDX-License-Identifier: ISC
"""Which server a request goes to: the same as with nginx where it can be known; zones, limits, health."""
import re

import pytest

from support.client import Client, get
from support.nginx import side_by_side  # noqa: F401
from support.wait import wait_until

NAMES = "abcd"


@pytest.fixture
def backends(make_backend):
    return {name: make_backend(name=name) for name in NAMES}


def choice(port, target, source=None):
    answer = get(port, target, source=source) if source else get(port, target)
    return answer.text.strip() if answer.status == 200 else str(answer.status)


GROUPS = """
    upstream rr { server 127.0.0.1:@a@ weight=5; server 127.0.0.1:@b@; server 127.0.0.1:@c@ weight=2; }
    upstream backup { server 127.0.0.1:@DEAD@; server 127.0.0.1:@b@ down; server 127.0.0.1:@c@ backup; }
    upstream ip { ip_hash; server 127.0.0.1:@a@; server 127.0.0.1:@b@ weight=3; server 127.0.0.1:@c@; server 127.0.0.1:@d@ down; }
    upstream hash { hash $arg_k; server 127.0.0.1:@a@; server 127.0.0.1:@b@ weight=2; server 127.0.0.1:@c@; }
    upstream hashdead { hash $arg_k; server 127.0.0.1:@a@; server 127.0.0.1:@DEAD@ weight=2; server 127.0.0.1:@c@; }
    upstream ketama { hash $arg_k consistent; server 127.0.0.1:@a@; server 127.0.0.1:@b@ weight=2; server 127.0.0.1:@c@;
        server 127.0.0.1:@d@; }
    upstream ketamadead { hash "$arg_k" consistent; server 127.0.0.1:@a@; server 127.0.0.1:@DEAD@; server 127.0.0.1:@c@; }
    server {
        listen 127.0.0.1:@PORT@;
        location /rr { proxy_pass http://rr/; }
        location /backup { proxy_pass http://backup/; }
        location /ip { proxy_pass http://ip/; }
        location /hash { proxy_pass http://hash/; }
        location /hashdead { proxy_pass http://hashdead/; }
        location /ketama { proxy_pass http://ketama/; }
        location /ketamadead { proxy_pass http://ketamadead/; }
    }
"""


def test_choices_are_nginx_s(side_by_side, backends, free_port):  # noqa: F811
    text = GROUPS.replace("@DEAD@", str(free_port()))
    for name, backend in backends.items():
        text = text.replace(f"@{name}@", str(backend.port))
    ours, nginx = side_by_side(text)
    asked = [("/rr", None)] * 16 + [("/backup", None)] * 4
    asked += [("/ip", f"127.{n}.{n * 7 % 256}.{n * 3 % 256}") for n in range(40)]
    asked += [(f"/{where}?k={key}", None) for where in ("hash", "hashdead", "ketama", "ketamadead")
              for key in ["", "a", "session-1", *map(str, range(30))]]
    got, expected = ([choice(server.port, *one) for one in asked] for server in (ours, nginx))
    assert [(one, mine, theirs) for one, mine, theirs in zip(asked, got, expected) if mine != theirs] == []
    assert {"a", "b", "c", "d"} <= set(got)


@pytest.fixture
def group(tinyproxyd, backends, free_port):
    """group(inside) → port of a proxy before `upstream g`; @a@ stands for a backend's address."""
    def make(inside, main="", location=""):
        for name, backend in backends.items():
            inside = inside.replace(f"@{name}@", f"127.0.0.1:{backend.port}")
        make.port = make.port or free_port()
        text = f"""{main}
http {{
    upstream g {{ {inside} }}
    server {{ listen 127.0.0.1:{make.port}; location / {{ proxy_pass http://g; {location} }} }}
}}"""
        if make.daemon:
            make.daemon.reload(text)
        else:
            make.daemon = tinyproxyd(text)
        return make.port
    make.daemon = make.port = None
    return make


def test_workers_share_a_zone_and_reloads_keep_it(group):
    for inside in ("zone z 64k; server @a@; server @b@; server @c@;", "zone z; server @a@; server @b@; server @c@; keepalive 3;"):
        inside = inside if "64k" in inside else inside.replace("zone z;", "zone z 64k;")
        port = group(inside, main="worker_processes 3;")
        assert "".join(choice(port, "/") for _ in range(12)) == "abc" * 4
    port = group("server @a@; server @b@; server @c@;", main="worker_processes 3;")
    assert sorted(choice(port, "/") for _ in range(12)).count("a") >= 3


def test_connections_are_counted_and_limited(group, backends):
    port = group("zone z 64k; server @a@ max_conns=1; server @b@ max_conns=2 backup;", main="worker_processes 2;")
    held = [Client(port) for _ in range(3)]
    for count, client in enumerate(held, 1):
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda n=count: sum(len(b.requests) for b in backends.values()) == n, "the request")
    assert [len(backends[name].requests) for name in "abc"] == [1, 2, 0]
    assert choice(port, "/") == "502"
    assert any("no live upstreams while connecting to upstream" in line for line in group.daemon.errors("error"))
    for name in "ab":
        backends[name].release("x")
    for client in held:
        assert client.response().status == 200
        client.close()
    assert choice(port, "/") == "a"


def test_least_conn_goes_where_least_is_going_on(group, backends):
    port = group("least_conn; server @a@ weight=2; server @b@; server @c@;")
    held = []
    for count in range(1, 9):
        client = Client(port)
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        held.append(client)
        wait_until(lambda n=count: sum(len(b.requests) for b in backends.values()) == n, "the request")
    assert [len(backends[name].requests) for name in "abc"] == [4, 2, 2]
    for name in "abc":
        backends[name].release("x")
    for client in held:
        assert client.response().status == 200
        client.close()


@pytest.mark.parametrize("method", ["random", "random two", "random two least_conn"])
def test_random_reaches_all_and_avoids_the_dead(group, backends, method, free_port):
    port = group(f"{method}; server @a@; server @b@ weight=3; server 127.0.0.1:{free_port()};")
    assert set(choice(port, "/") for _ in range(60)) == {"a", "b"}


def test_worn_connections_are_not_kept(group, backends):
    port = group("server @a@; keepalive_requests 3;")
    with Client(port) as client:
        seen = [client.request("/echo").json["connection"] for _ in range(7)]
    assert seen == [1, 1, 1, 2, 2, 2, 3]
    port = group("server @a@; keepalive_time 0;")
    before = backends["a"].connections
    with Client(port) as client:
        for _ in range(3):
            assert client.request("/").status == 200
            wait_until(lambda: True, "")
    assert backends["a"].connections >= before + 1


def test_health_checks_decide_who_is_asked(group, backends):
    bad = b"HTTP/1.1 503 Nope\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    backends["a"].script["/alive"] = bad
    backends["a"].script_close.add("/alive")
    port = group("zone z 64k; server @a@; server @b@; health_check interval=50ms jitter=10ms falls=2 rises=2 uri=/alive "
                 "match=200-299 host=checks.example timeout=10s;", main="worker_processes 2;")
    group.daemon.wait_for_error(r"\[warn\].* peer 127\.0\.0\.1:\d+ of upstream \"g\" is unhealthy: unwanted status")
    assert {choice(port, "/") for _ in range(10)} == {"b"}
    assert backends["a"].requests[0].get("host") == "checks.example"
    del backends["a"].script["/alive"]
    group.daemon.wait_for_error(r"\[notice\].* peer 127\.0\.0\.1:\d+ of upstream \"g\" is healthy")
    assert {choice(port, "/") for _ in range(10)} == {"a", "b"}
    unhealthy = [line for line in group.daemon.errors("warn") if re.search("is unhealthy", line)]
    assert len(unhealthy) == 1
