# SPDX-License-Identifier: ISC
"""Names that are resolved while the proxy runs: by time to live, with the last good answer kept."""
import pytest

from support.client import get
from support.dns_server import dns  # noqa: F401
from support.wait import wait_until


@pytest.fixture
def pair(make_backend):
    """Two backends on one port, at 127.0.0.1 and 127.0.0.2."""
    one = make_backend(name="one")
    return one, make_backend(name="two", host="127.0.0.2", port=one.port)


def test_a_server_follows_its_name(tinyproxyd, pair, dns, free_port):  # noqa: F811
    port = free_port()
    daemon = tinyproxyd(f"""http {{
        resolver 127.0.0.1:{dns.port} ipv6=off;
        upstream g {{ server app.example:{pair[0].port} resolve; zone z 64k; }}
        server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://g; }} }} }}""")
    assert get(port).status == 502      # start-up did not wait for it
    assert any("host not found in upstream" in line for line in daemon.errors("error"))
    dns.answers["app.example"] = (["127.0.0.1"], 1)
    wait_until(lambda: get(port).text == "one\n", "the first address")
    dns.answers["app.example"] = (["127.0.0.2"], 1)
    wait_until(lambda: get(port).text == "two\n", "the second address")
    dns.answers["app.example"] = (["127.0.0.1", "127.0.0.2"], 1)
    wait_until(lambda: {get(port).text for _ in range(4)} == {"one\n", "two\n"}, "both addresses")
    del dns.answers["app.example"]
    daemon.wait_for_error(r"app\.example could not be resolved \(3: Host not found\)")
    assert {get(port).text for _ in range(4)} == {"one\n", "two\n"}
    assert all(kind == 1 for _, kind in dns.asked)


def test_proxy_pass_resolves_what_variables_say(tinyproxyd, pair, dns, free_port):  # noqa: F811
    port = free_port()
    daemon = tinyproxyd(f"""http {{
        resolver 127.0.0.1:{dns.port} valid=1h;
        resolver_timeout 500ms;
        server {{ listen 127.0.0.1:{port};
            location / {{ proxy_pass http://$arg_to:{pair[0].port}; }}
            location /none/ {{ resolver 127.0.0.1:{dns.port} ipv4=off; proxy_pass http://$arg_to:{pair[0].port}; }} }}
        server {{ listen 127.0.0.1:{port}; server_name other; }} }}""")
    dns.answers["one.example"] = (["127.0.0.1"], 60)
    dns.answers["two.example"] = (["127.0.0.2"], 60)
    for _ in range(3):
        assert get(port, "/?to=one.example").text == "one\n"
        assert get(port, "/?to=TWO.example").text == "two\n"
    assert sum(name == "one.example" and kind == 1 for name, kind in dns.asked) == 1
    assert get(port, "/?to=three.example").status == 502
    assert get(port, "/none/?to=one.example").status == 502
    dns.silent = True
    assert get(port, "/?to=four.example").status == 502
    assert get(port, "/?to=one.example").text == "one\n"
    told = daemon.errors("error")
    assert any("three.example could not be resolved (3: Host not found)" in line for line in told)
    assert any("four.example could not be resolved (110: Operation timed out)" in line for line in told)


def test_without_a_resolver_names_of_variables_are_502(tinyproxyd, free_port):
    port = free_port()
    daemon = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass http://$arg_to; }} }} }}""")
    assert get(port, "/?to=one.example").status == 502
    assert any("no resolver defined to resolve one.example" in line for line in daemon.errors("error"))
