# SPDX-License-Identifier: ISC
"""tinyproxyctl drain and undrain: a server gets no new requests until it is back."""
import json
import os
import signal

import pytest
from support.client import Client, get
from support.dns_server import dns  # noqa: F401
from support.wait import wait_until

HTTP = """
worker_processes 2;
http {{
    upstream app {{ server 127.0.0.1:{a} {weight}; server localhost:{b}; {more} }}
    upstream shared {{ zone z 64k; server 127.0.0.1:{a}; server 127.0.0.1:{b}; }}
    upstream hashed {{ hash $arg_k consistent; server 127.0.0.1:{a}; server 127.0.0.1:{b}; }}
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://app; }}
              location /shared {{ proxy_pass http://shared/; }}
              location /hashed {{ proxy_pass http://hashed/; }}
              location /alone {{ proxy_pass http://127.0.0.1:{a}/; }} }}
}}
stream {{
    upstream raw {{ server 127.0.0.1:{a}; server 127.0.0.1:{b}; }}
    server {{ listen 127.0.0.1:{raw}; proxy_pass raw; }}
}}
"""


class World:
    def __init__(self, daemon, a, b, ports):
        self.daemon, self.a, self.b, self.ports = daemon, a, b, ports
        self.port, self.a_name = ports["port"], f"127.0.0.1:{a.port}"

    def text(self, weight="weight=1", more=""):
        return HTTP.format(a=self.a.port, b=self.b.port, weight=weight, more=more, **self.ports)

    def ctl(self, *words):
        return json.loads(self.daemon.ctl("--json", *words).out)

    def states(self, group="app"):
        return {row["state"] for row in self.ctl("upstreams")["upstreams"]
                if row["group"] == group and row["peer"] == self.a_name}

    def answers(self, target="/", count=16, port="port"):
        """Each on a connection of its own, so that every worker has its turn."""
        got = [get(self.ports[port], target) for _ in range(count)]
        return {one.text.strip() if one.status == 200 else one.status for one in got}


@pytest.fixture
def world(tinyproxyd, make_backend, free_port):
    a, b = make_backend(name="a"), make_backend(name="b")
    it = World(tinyproxyd("http { }", started=False), a, b, {"port": free_port(), "raw": free_port()})
    it.daemon.write(it.text())
    it.daemon.start()
    yield it
    it.daemon.forget_errors()


def hold(world, name, enough):
    """Clients whose requests wait at the servers: one more, until enough(at a, at b)."""
    def held(backend):
        return len([r for r in backend.requests if r.target == f"/hold/{name}"])
    clients = []
    while not enough(held(world.a), held(world.b)):
        clients.append(Client(world.port))
        clients[-1].send(f"GET /hold/{name} HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: held(world.a) + held(world.b) == len(clients), "the request")
    return clients, held(world.a)


def let_go(world, name, clients):
    for backend in (world.a, world.b):
        backend.release(name)
    for client in clients:
        assert client.response().status == 200
        client.close()


def test_new_requests_go_elsewhere_and_old_ones_end(world):
    # More connections to it than the requests after these can take: each worker takes turns.
    let_go(world, "w", hold(world, "w", lambda a, b: a >= 4)[0])
    clients, under_way = hold(world, "x", lambda a, b: a and b)
    assert world.a.open_connections > under_way
    seen = len(world.a.requests)
    answer = world.ctl("drain", "app", world.a_name)
    assert answer["drained"] and answer["workers"] == 2
    assert answer["servers"] == [{"upstream": "app", "server": world.a_name}]
    wait_until(lambda: world.a.open_connections == under_way, "idle connections to close")
    assert "draining" in world.states() and world.answers() == {"b"}
    let_go(world, "x", clients)
    wait_until(lambda: world.a.open_connections == 0, "connections of the requests to close")
    assert len(world.a.requests) == seen and world.states() == {"drained"}
    assert "drained" in world.daemon.ctl("upstreams").out
    # Only in the upstream that was named.
    assert world.answers("/shared") == {"a", "b"}
    assert f"{world.a_name} of app gets new requests; 2 workers" in world.daemon.ctl("undrain", "app", world.a_name).out
    assert world.answers() == {"a", "b"} and world.states() == {"up"}


def test_a_server_is_drained_wherever_it_is(world):
    answer = world.ctl("drain", world.a_name)
    assert {one["upstream"] for one in answer["servers"]} == {"app", "shared", "hashed", "raw", world.a_name}
    assert world.answers() == world.answers("/shared") == world.answers(port="raw") == {"b"}
    assert {get(world.port, f"/hashed?k={k}").text.strip() for k in range(16)} == {"b"}
    assert world.answers("/alone", 2) == {502}
    world.ctl("undrain", world.a_name)
    assert world.answers("/alone", 2) == {"a"} and world.answers(port="raw") == {"a", "b"}


def test_reloads_and_new_workers_keep_it(world):
    world.ctl("drain", "app", world.a_name)
    world.daemon.reload()
    assert world.answers() == {"b"} and world.states() == {"drained"}
    # The group is another one now, and one more worker serves it.
    world.daemon.reload(world.text(more="keepalive 3;").replace("worker_processes 2", "worker_processes 3"))
    assert world.answers() == {"b"} and world.states() == {"drained"}
    before = world.daemon.worker_pids()
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(world.daemon.worker_pids()) == 3 and before[0] not in world.daemon.worker_pids()
               and all(w["state"] == "ready" for w in world.daemon.status()["workers"]), "another worker")
    assert world.answers(count=24) == {"b"} and world.states() == {"drained"}
    # Forgotten once the configuration does not name it.
    world.daemon.reload(world.text().replace(f"upstream app {{ server {world.a_name} weight=1;", "upstream app {"))
    world.daemon.reload(world.text())
    assert world.answers() == {"a", "b"} and world.states() == {"up"}


def test_a_name_stands_for_its_addresses(world):
    name = f"localhost:{world.b.port}"
    servers = {one["server"] for one in world.ctl("drain", name)["servers"]}
    assert f"127.0.0.1:{world.b.port}" in servers and name not in servers
    assert world.answers() == {"a"}
    # By address is the same server.
    for server in servers:
        world.ctl("undrain", "app", server)
    assert world.answers() == {"a", "b"}
    world.daemon.reload(world.text(more="keepalive 3;"))
    assert world.answers() == {"a", "b"}


def test_a_name_that_moves_stays_drained(tinyproxyd, make_backend, dns, free_port):  # noqa: F811
    one, kept, port = make_backend(name="one"), make_backend(name="kept"), free_port()
    make_backend(name="two", host="127.0.0.2", port=one.port)
    name = f"app.example:{one.port}"
    dns.answers["app.example"] = (["127.0.0.1"], 1)
    daemon = tinyproxyd(f"""http {{
        resolver 127.0.0.1:{dns.port} ipv6=off;
        upstream g {{ server {name} resolve; server 127.0.0.1:{kept.port}; zone z 64k; }}
        server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://g; }} }} }}""")

    def states():
        rows = json.loads(daemon.ctl("upstreams", "--json").out)["upstreams"]
        return {row["peer"]: row["state"] for row in rows}
    wait_until(lambda: get(port).text == "one\n", "the first address")
    assert json.loads(daemon.ctl("--json", "drain", name).out)["servers"] == [{"upstream": "g", "server": name}]
    assert {get(port).text for _ in range(6)} == {"kept\n"}
    dns.answers["app.example"] = (["127.0.0.2"], 1)
    wait_until(lambda: states().get(f"127.0.0.2:{one.port}") == "drained", "the second address")
    assert {get(port).text for _ in range(6)} == {"kept\n"}
    daemon.ctl("undrain", "g", name)
    wait_until(lambda: get(port).text == "two\n", "the second address in use")


def test_mistakes_say_what_there_is(world):
    def refused(*words, status=70):
        return world.daemon.ctl(*words, check=status).err
    nothing = refused("drain", "app", "10.0.0.1:1")
    assert 'upstream "app" has no server "10.0.0.1:1"' in nothing
    assert f"app: {world.a_name}, localhost:{world.b.port}" in nothing and "shared" not in nothing
    nowhere = refused("undrain", "nobody", world.a_name)
    assert 'there is no upstream "nobody"' in nowhere and "app: " in nowhere and "hashed: " in nowhere
    assert 'no upstream has a server "x"' in refused("drain", "x")
    assert "which server?" in refused("drain", status=64)
    assert "one too many" in refused("drain", "a", "b", "c", status=64)
    answer = json.loads(world.daemon.ctl("--json", "drain", "app", 'o"dd\n', check=70).out)
    assert not answer["ok"] and 'o"dd\n' in answer["errors"][0]["text"]
    assert world.answers() == {"a", "b"}
