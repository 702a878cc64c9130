# SPDX-License-Identifier: ISC
"""tinyproxyctl: connections, upstreams, certificates, metrics, top."""
import json
import re

import pytest
from support.client import Client, get, tls_context
from support.wait import wait_until

CONFIG = """
worker_processes 2;
http {{
    upstream app {{ server 127.0.0.1:{backend} weight=3; server 127.0.0.1:{dead} max_fails=1 fail_timeout=1h;
                    server 127.0.0.1:{dead2} backup; server 127.0.0.1:{dead3} down; }}
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://app; }}
              location /hold/ {{ proxy_pass http://127.0.0.1:{backend}; }} }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        server_name a.example;
        ssl_certificate {cert}; ssl_certificate_key {key};
        return 200 "x";
    }}
    server {{ listen 127.0.0.1:{tls} ssl; server_name b.example;
              ssl_certificate {dir}/none.crt; ssl_certificate_key {dir}/none.key; return 200 "x"; }}
}}
"""


@pytest.fixture
def proxy(tinyproxyd, backend, certs, free_port):
    leaf = certs.issue("a.example", "*.a.example", days=90)
    ports = {name: free_port() for name in ("port", "tls", "dead", "dead2", "dead3")}
    it = tinyproxyd("http { }", started=False)
    it.write(CONFIG.format(backend=backend.port, cert=leaf.cert, key=leaf.key, dir=it.directory, **ports))
    it.start()
    it.ports, it.leaf = ports, leaf
    yield it
    it.forget_errors()


def test_connections(proxy, backend):
    with Client(proxy.ports["port"]) as plain, \
            Client(proxy.ports["tls"], tls=tls_context(), server_name="a.example") as kept:
        kept.request("/first")
        kept.request("/second")
        plain.send("GET /hold/x?\"odd\" HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
        answer = json.loads(proxy.ctl("connections", "--json").out)
        assert answer["ok"] and answer["whole"]
        rows = {row["client"]: row for row in answer["connections"]}
        mine = rows[f"127.0.0.1:{plain.source_port}"]
        assert mine["request"] == 'GET /hold/x?"odd" HTTP/1.1' and not mine["tls"] and mine["requests"] == 1
        assert mine["worker"] in proxy.worker_pids() and mine["listener"] == f"127.0.0.1:{proxy.ports['port']}"
        assert mine["doing"] == "processing request" and mine["bytes_in"] > 30
        other = rows[f"127.0.0.1:{kept.source_port}"]
        assert other["tls"] and other["requests"] == 2 and other["doing"] == "keepalive" and other["request"] == ""
        table = proxy.ctl("connections").out
        assert re.search(rf'127\.0\.0\.1:{plain.source_port} .* GET /hold/x\?"odd" HTTP/1\.1\n', table)
        backend.release("x")
        assert plain.response().status == 200
    wait_until(lambda: not json.loads(proxy.ctl("connections", "--json").out)["connections"], "clients to go")


def test_a_connection_in_its_handshake(proxy):
    with Client(proxy.ports["tls"]) as silent:
        def row():
            rows = json.loads(proxy.ctl("connections", "--json").out)["connections"]
            return next((row for row in rows if row["client"] == f"127.0.0.1:{silent.source_port}"), None)

        wait_until(row, "the connection")
        assert row()["tls"] and row()["doing"] == "SSL handshaking"
    wait_until(lambda: not json.loads(proxy.ctl("connections", "--json").out)["connections"], "clients to go")


def test_many_connections_are_cut_not_lost(proxy):
    clients = [Client(proxy.ports["port"]) for _ in range(300)]
    long = "/" + "x" * 900
    for client in clients:
        client.send(f"GET {long} HTTP/1.1\r\nX-Not: done")
    wait_until(lambda: len(json.loads(proxy.ctl("connections", "--json").out)["connections"]) == 300, "all of them")
    for client in clients:
        client.close()


def test_upstreams(proxy, backend):
    for _ in range(8):
        assert get(proxy.ports["port"]).status == 200

    def states():
        answer = json.loads(proxy.ctl("upstreams", "--json").out)
        assert answer["whole"]
        return [(row["peer"].rpartition(":")[2], row["state"], row["weight"]) for row in answer["upstreams"]
                if row["group"] == "app"]
    ports = proxy.ports
    expected = {(str(backend.port), "up", 3), (str(ports["dead2"]), "backup", 1), (str(ports["dead3"]), "down", 1)}
    assert expected < set(states())
    assert wait_until(lambda: get(ports["port"]) and (str(ports["dead"]), "resting", 1) in states(), "a peer to rest")
    assert "resting" in proxy.ctl("upstreams").out


def test_certs(proxy):
    answer = json.loads(proxy.ctl("certs", "--json").out)
    good, bad = answer["certs"]
    assert good["in_service"] and set(good["names"]) == {"a.example", "*.a.example"}
    assert good["sha256"].lower() == proxy.leaf.sha256 and good["certificate"] == str(proxy.leaf.cert)
    assert not bad["in_service"] and bad["certificate"].endswith("/none.crt")
    assert [problem["outcome"] for problem in answer["problems"]] == ["disabled"]
    table = proxy.ctl("certs").out
    assert re.search(r"20\d\d-\d\d-\d\d (8[89]|90) +\S+ .*a\.example", table) and "disabled" in table


def test_metrics_and_top(proxy):
    assert get(proxy.ports["port"]).status == 200
    wait_until(lambda: sum(w["requests"] for w in proxy.status()["workers"]) == 1, "the request to be counted")
    text = proxy.ctl("metrics").out
    values = dict(re.findall(r"^(tinyproxyd_\S+) (\d+)$", text, re.M))
    assert sum(int(values[f'tinyproxyd_requests_total{{worker="{i}"}}']) for i in (0, 1)) == 1
    assert values["tinyproxyd_generation"] == "1" and values["tinyproxyd_certificate_problems"] == "1"
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) and all(f"# HELP {name} " in text for name in names)
    assert re.fullmatch(r"\d+ connections, \d+ idle, \d+ connections/s, \d+ requests/s, .*\n",
                        proxy.ctl("top", "--count", "1").out)


def test_refusals(proxy):
    assert 'did you mean "certs"' in proxy.ctl("cert", check=64).err
    assert "connections, upstreams" in proxy.ctl("nonsense", check=64).err
