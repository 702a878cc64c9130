# SPDX-License-Identifier: ISC
"""status and metrics: what all workers have served, asked for over HTTP; the same that tinyproxyctl tells by worker."""
import json
import os
import re
import signal

from support.client import Client, get, tls_context
from support.wait import wait_until

CONFIG = """
worker_processes {workers};
http {{
    server {{
        listen 127.0.0.1:{port}{more};
        location = /status {{ status; }}
        location = /metrics {{ metrics; }}
        location = /nobody {{ status; deny all; }}
        location = /fallback {{ try_files /none @report; }}
        location @report {{ status; }}
        location /hold/ {{ proxy_pass http://127.0.0.1:{backend}; }}
        location /code/ {{ return 404; }}
        location / {{ return 200 "{name}"; }}
    }}
    server {{ listen 127.0.0.1:{tls} ssl; ssl_certificate {cert}; ssl_certificate_key {key}; return 200 "x"; }}
}}
"""


def report(port, path="/status"):
    answer = get(port, path)
    assert answer.status == 200 and answer.get("content-type") == "application/json"
    assert answer.json["schema"] == 1
    return answer.json


def settled(port, connections, requests):
    """The report once no more are open and under way than these, the report's own among them: answers come before ends."""
    def asked():
        told = report(port)
        return told if (told["connections"], told["requests_active"]) == (connections, requests) else None
    return wait_until(asked, f"{connections} connections and {requests} requests")


def metrics(port):
    answer = get(port, "/metrics")
    assert answer.get("content-type").startswith("text/plain; version=0.0.4")
    return {name: int(value) for name, value in re.findall(r"^tinyproxyd_(\S+) (\d+)$", answer.body.decode(), re.M)}


def test_counts_of_all_workers(tinyproxyd, backend, certs, free_port):
    leaf = certs.issue("a.example")
    ports = {"port": free_port(), "tls": free_port()}

    def config(name, workers):
        return CONFIG.format(backend=backend.port, cert=leaf.cert, key=leaf.key, more=" reuseport", name=name, workers=workers,
                             **ports)
    proxy = tinyproxyd(config("one", 3))
    port = ports["port"]
    for _ in range(30):
        assert get(port).body == b"one"
    for _ in range(5):
        assert get(port, "/code/404").status == 404
    assert get(ports["tls"], tls=tls_context(), server_name="a.example").status == 200
    with Client(port) as waiting:
        waiting.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
        # This one and the one that is held.
        told = settled(port, 2, 2)
        assert told["responses_4xx"] == 5 and told["handshakes"] == 1
        assert told["requests"] >= 38 and told["accepted"] == told["requests"]
        assert told["responses_2xx"] == told["requests"] - 5 - 2
        assert told["bytes_in"] > 38 * 30 and told["bytes_out"] > told["bytes_in"]
        backend.release("x")
        assert waiting.response().status == 200
    # The same, by worker and in the other format.
    rows = proxy.status()["workers"]
    assert sum(row["responses_4xx"] for row in rows) == 5 and len([row for row in rows if row["requests"]]) > 1
    other = metrics(port)
    assert other['responses_total{class="4xx"}'] == 5 and other["handshakes_total"] == 1 and other["generation"] == 1
    before = report(port)["requests"]
    # A reload keeps what was counted; so does the end of a worker, also of one that is not replaced.
    proxy.reload(config("two", 2))
    assert report(port)["generation"] == 2 and report(port)["requests"] >= before + 1
    proxy.expect_alerts = True
    with Client(port) as kept:
        assert kept.request("/").body == b"two"
        row, = [row for row in json.loads(proxy.ctl("connections", "--json").out)["connections"]
                if row["client"] == f"127.0.0.1:{kept.source_port}"]
        settled(port, 2, 1)
        os.kill(row["worker"], signal.SIGKILL)
        wait_until(lambda: row["worker"] not in proxy.worker_pids() and
                   all(w["state"] == "ready" for w in proxy.status()["workers"]), "another worker")
        told = settled(port, 1, 1)
        assert told["requests"] >= before + 4 and told["responses_4xx"] == 5


def test_who_may_ask_and_how(tinyproxyd, backend, certs, free_port):
    leaf = certs.issue("a.example")
    port = free_port()
    proxy = tinyproxyd(CONFIG.format(backend=backend.port, cert=leaf.cert, key=leaf.key, more="", name="one", workers=1,
                                     port=port, tls=free_port()))
    with Client(port) as client:
        assert client.request("/nobody").status == 403
        for path in ("/status", "/metrics"):
            head = client.request(path, "HEAD")
            assert head.status == 200 and head.body == b"" and int(head.get("content-length")) > 100
            assert client.request(path, "POST", body=b"x" * 5000).status == 405
            assert client.request(path, "DELETE").status == 405
        assert client.request("/fallback").json["schema"] == 1
    # What Prometheus reads: each metric is introduced once, and its samples stand together.
    lines = get(port, "/metrics").body.decode().splitlines()
    names = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert len(names) == len(set(names)) == len([line for line in lines if line.startswith("# HELP ")])
    current = None
    for line in lines:
        if line.startswith("# TYPE "):
            current = line.split()[2]
        elif not line.startswith("#"):
            assert re.fullmatch(r"(tinyproxyd_[a-z_]+)(\{class=\"\dxx\"\})? \d+", line)[1] == current
    explained = proxy.run("--explain", f"http://127.0.0.1:{port}/status", check=0)
    assert "location    location = /status" in explained.out and "has counted" in explained.out
