# SPDX-License-Identifier: ISC
"""Every way of proving a name that is not a web root: a server of our own, tls-alpn-01, hooks."""
import os
import pathlib
import signal
import socket
import ssl
import threading

import pytest
from cryptography import x509

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, orders_made, validations
from support.dns import NameServer
from support.wait import wait_until

# A hook that writes its environment down and tells challtestsrv, as certbot's users write them.
HOOK = """#!/bin/sh
[ ! -e "{dir}/hold" ] || read line < "{dir}/hold"
env | grep ^CERTBOT_ | sort | tr '\\n' '\\t' >> "{dir}/$(basename "$0").log"
echo >> "{dir}/$(basename "$0").log"
curl -sf -o "{dir}/curl.out" --noproxy '*' -d "{{\\"host\\":\\"_acme-challenge.$CERTBOT_DOMAIN.\\"{value}}}" \\
    http://127.0.0.1:{port}/{what} || exit 1
echo "added $CERTBOT_DOMAIN"
"""
DEHYDRATED = """#!/bin/sh
echo "$@" >> "{dir}/dehydrated.log"
case $1 in
deploy_challenge) what=set-txt value=",\\"value\\":\\"$4\\"" ;;
clean_challenge) what=clear-txt value= ;;
*) exit 0 ;;
esac
exec curl -sf -o "{dir}/curl.out" --noproxy '*' -d "{{\\"host\\":\\"_acme-challenge.$2.\\"$value}}" \\
    http://127.0.0.1:{port}/$what
"""


@pytest.fixture
def pebble(make_pebble):
    return make_pebble(nonce_reject=0, authz_reuse=0)


class NoSite:
    """No web server: what Store needs of one, for those who do without."""
    directory, address = pathlib.Path("/nonexistent"), "127.0.0.1:1"


@pytest.fixture
def store(tmp_path, pebble):
    return Store(tmp_path / "letsencrypt", pebble, NoSite)


def issue(store, *names, arguments=(), **more):
    argv = ["--server", store.pebble.directory_url, "--ca-file", store.pebble.ca_file,
            "--agree-tos", *[word for name in names for word in ("-d", name)], *arguments]
    return store._run("acme-issue", *argv, **{"check": 0, **more})


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def hooks(tmp_path, pebble):
    """What to give on the command line for certbot's kind of hook."""
    def fill(what, value):
        return HOOK.format(dir=tmp_path, port=pebble.dns_management_port, what=what, value=value)
    # A path with a blank in it is a path still.
    auth = write_program(tmp_path / "the auth", fill(
        "set-txt", ',\\"value\\":\\"$CERTBOT_VALIDATION\\"'))
    cleanup = write_program(tmp_path / "cleanup", fill("clear-txt", ""))
    return ["--manual", "--manual-auth-hook", auth, "--manual-cleanup-hook", cleanup,
            "--preferred-challenges", "dns", "--dns-server", f"127.0.0.1:{pebble.dns_port}"]


def calls(path):
    """Each call's environment."""
    if not path.exists():
        return []
    return [dict(word.split("=", 1) for word in line.split("\t") if word) for line in
            path.read_text().splitlines()]


def nobody_listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


# ---- a server of our own -------------------------------------------------------------------------

def test_standalone_http(store, pebble):
    port = pebble.http_port
    arguments = ["--standalone", "--http-01-port", str(port), "--preflight", f"127.0.0.1:{port}"]
    issue(store, "a.example", "b.example", "127.0.0.1", arguments=arguments)
    assert store.number("a.example") == 1 and validations(pebble) == 3
    assert nobody_listens(port)
    conf = store.conf("a.example")
    assert "authenticator = standalone" in conf and f"http01_port = {port}" in conf
    store.renew("-q", "--force-renewal")
    assert store.number("a.example") == 2 and nobody_listens(port) and store.under_way() == []


def test_standalone_on_a_port_that_is_taken(store, pebble):
    with socket.create_server(("127.0.0.1", pebble.http_port)):
        done = issue(store, "a.example", check=75, arguments=[
            "--standalone", "--http-01-port", str(pebble.http_port), "--no-preflight"])
    assert f"cannot listen on * port {pebble.http_port}" in done.err and "--pre-hook" in done.err
    assert validations(pebble) == 0


def test_many_orders_share_one_port(store, pebble):
    port = pebble.http_port
    names = [f"n{i}.example" for i in range(4)]
    for name in names:
        issue(store, name, arguments=["--standalone", "--http-01-port", str(port), "--preflight",
                                      f"127.0.0.1:{port}"])
    store.renew("-q", "--force-renewal", "--jobs", "4")
    assert [store.number(name) for name in names] == [2] * 4 and nobody_listens(port)


def test_standalone_tls_alpn(store, pebble):
    port = pebble.tls_port
    arguments = ["--standalone", "--preferred-challenges", "tls-alpn-01", "--tls-alpn-01-port",
                 str(port), "--preflight", f"127.0.0.1:{port}"]
    issue(store, "a.example", "b.example", arguments=arguments)
    store.renew("-q", "--force-renewal")
    assert store.number("a.example") == 2 and validations(pebble) == 4 and nobody_listens(port)
    assert "Attempting to validate w/ HTTP" not in pebble.log()


# ---- handed over to whoever has port 443 ---------------------------------------------------------

class Alpn:
    """The server's side of libcert/validation_cert.h, by Python."""

    def __init__(self, directory, port, certs):
        self.directory, self.served = pathlib.Path(directory), []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        other = certs.issue("other.example")
        context.load_cert_chain(other.fullchain, other.key)
        context.set_alpn_protocols(["acme-tls/1"])
        context.sni_callback = self.choose
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.serve, args=(context,), daemon=True).start()

    def choose(self, connection, name, _):
        file = self.directory / f"{name}.pem"
        if not file.exists():
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        assert file.stat().st_mode & 0o777 == 0o600
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.set_alpn_protocols(["acme-tls/1"])
        connection.context = context
        self.served.append(name)
        return None

    def serve(self, context):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()


def test_tls_alpn_through_the_store(store, pebble, certs):
    directory = store.dir / "gatehouse/acme-tls"
    server = Alpn(directory, pebble.tls_port, certs)
    arguments = ["--tinyproxyd", "--preflight", f"127.0.0.1:{pebble.tls_port}"]
    issue(store, "a.example", "b.example", arguments=arguments)
    store.renew("-q", "--force-renewal")
    assert store.number("a.example") == 2 and {"a.example", "b.example"} == set(server.served)
    assert list(directory.glob("*.pem")) == [] and directory.stat().st_mode & 0o777 == 0o700
    server.listener.close()


def test_a_proxy_that_does_not_show_it_costs_no_attempt(store, pebble, certs):
    server = Alpn("/nonexistent", pebble.tls_port, certs)
    done = issue(store, "a.example", check=78, arguments=[
        "--tinyproxyd", "--preflight", f"127.0.0.1:{pebble.tls_port}"])
    assert "does not show the validation certificate of a.example" in done.err
    assert "acme_tls_alpn" in done.err and validations(pebble) == 0
    assert list((store.dir / "gatehouse/acme-tls").glob("*.pem")) == []
    server.listener.close()


# ---- hooks ---------------------------------------------------------------------------------------

def test_dns_hooks_as_certbot_calls_them(store, pebble, hooks, tmp_path):
    issue(store, "*.a.example", "b.example", arguments=hooks)
    names = store.leaf("*.a.example").extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert set(names) == {"*.a.example", "b.example"}
    shown, cleaned = calls(tmp_path / "the auth.log"), calls(tmp_path / "cleanup.log")
    assert {call["CERTBOT_DOMAIN"] for call in shown} == {"a.example", "b.example"}
    assert [call["CERTBOT_REMAINING_CHALLENGES"] for call in shown] == ["1", "0"]
    assert all(set(call["CERTBOT_ALL_DOMAINS"].split(",")) == {"a.example", "b.example"}
               and "CERTBOT_TOKEN" not in call for call in shown)
    assert sorted(call["CERTBOT_VALIDATION"] for call in cleaned) == \
        sorted(call["CERTBOT_VALIDATION"] for call in shown)
    assert "CERTBOT_AUTH_OUTPUT=added" in (tmp_path / "cleanup.log").read_text()
    conf = store.conf("*.a.example")
    assert "authenticator = manual" in conf and "pref_challs = dns-01" in conf
    store.renew("-q", "--force-renewal")
    assert store.number("*.a.example") == 2


def test_dns_hook_as_dehydrated_calls_it(store, pebble, tmp_path):
    hook = write_program(tmp_path / "hook", DEHYDRATED.format(
        dir=tmp_path, port=pebble.dns_management_port))
    issue(store, "*.a.example", arguments=["--dns-hook", hook, "--dns-server",
                                           f"127.0.0.1:{pebble.dns_port}"])
    shown, cleaned = [line.split() for line in (tmp_path / "dehydrated.log").read_text().splitlines()]
    assert shown[:2] == ["deploy_challenge", "a.example"] and len(shown) == 4
    assert cleaned == ["clean_challenge", *shown[1:]]
    store.renew("-q", "--force-renewal")
    assert store.number("*.a.example") == 2


def test_http_hooks(store, pebble, make_site, tmp_path):
    site = make_site(port=pebble.http_port)
    root = site.directory / ".well-known/acme-challenge"
    issue(store, "a.example", arguments=[
        "--manual-auth-hook",
        f'mkdir -p {root}; printf %s "$CERTBOT_VALIDATION" > {root}/"$CERTBOT_TOKEN"',
        "--manual-cleanup-hook", f'rm {root}/"$CERTBOT_TOKEN"', "--preflight", site.address])
    assert store.number("a.example") == 1 and site.leftovers() == []


def test_a_failing_hook_is_told_with_its_words(store, pebble, hooks, tmp_path):
    (tmp_path / "the auth").write_text("#!/bin/sh\necho no such zone >&2\nexit 3\n")
    done = issue(store, "a.example", arguments=hooks, check=1)
    assert "the auth ended with exit code 3" in done.err and "no such zone" in done.err
    assert validations(pebble) == 0 and len(calls(tmp_path / "cleanup.log")) == 1


def test_a_stop_during_a_hook_cleans_up(store, pebble, hooks, tmp_path, start):
    hold = tmp_path / "hold"
    os.mkfifo(hold)
    argv = ["--server", pebble.directory_url, "--ca-file", pebble.ca_file, "--agree-tos",
            "-d", "a.example", *hooks]
    run = start("acme-issue", store.argv("acme-issue", *argv), env={"no_proxy": "*"})
    wait_until(lambda: "the auth" in children(run.pid), "the hook")
    hold.unlink()
    run.send(signal.SIGTERM)
    assert run.wait() == 75 and "interrupted" in run.output()
    assert len(calls(tmp_path / "cleanup.log")) == 1
    issue(store, "a.example", arguments=hooks)
    assert orders_made(pebble) == 1


def test_what_a_killed_run_left_in_the_dns_is_cleaned_up(store, pebble, hooks, tmp_path, start):
    hold = tmp_path / "hold"
    os.mkfifo(hold)
    argv = ["--server", pebble.directory_url, "--ca-file", pebble.ca_file, "--agree-tos",
            "-d", "a.example", *hooks]
    run = start("acme-issue", store.argv("acme-issue", *argv), env={"no_proxy": "*"})
    wait_until(lambda: "the auth" in children(run.pid), "the hook")
    run.send(signal.SIGKILL)
    run.wait()
    hold_writer = hold.open("w")      # the hook goes on, and ends
    hold.unlink()
    hold_writer.close()
    wait_until(lambda: calls(tmp_path / "the auth.log"), "the hook's end")
    left = calls(tmp_path / "the auth.log")[0]["CERTBOT_VALIDATION"]
    issue(store, "a.example", arguments=hooks)
    cleaned = [call["CERTBOT_VALIDATION"] for call in calls(tmp_path / "cleanup.log")]
    assert cleaned[0] == left and orders_made(pebble) == 1


def children(pid):
    """Command lines of a process's children."""
    listed = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return " ".join(pathlib.Path(f"/proc/{child}/cmdline").read_text() for child in listed)


# ---- before the CA is asked ----------------------------------------------------------------------

@pytest.fixture
def name_server(free_port):
    """A resolver at 127.0.0.1 and two authoritative servers."""
    server = NameServer(free_port(), "127.0.0.1", "127.0.0.2", "127.0.0.3")
    server.records["127.0.0.1"].update({
        ("a.example", "NS"): ["ns1.other.example", "ns2.other.example"],
        ("ns1.other.example", "A"): ["127.0.0.2"], ("ns2.other.example", "A"): ["127.0.0.3"]})
    yield server
    server.stop()


def show_everywhere(server, value, *addresses):
    for address in addresses:
        server.records[address]["_acme-challenge.a.example", "TXT"] = ["old", value]


def test_waits_until_all_name_servers_show_the_record(store, pebble, hooks, tmp_path, name_server,
                                                      start):
    at = hooks.index("--dns-server")
    hooks[at + 1] = f"127.0.0.1:{name_server.port}"
    argv = ["--server", pebble.directory_url, "--ca-file", pebble.ca_file, "--agree-tos",
            "-d", "a.example", *hooks]
    run = start("acme-issue", store.argv("acme-issue", *argv), env={"no_proxy": "*"})
    wait_until(lambda: calls(tmp_path / "the auth.log"), "the hook")
    value = calls(tmp_path / "the auth.log")[0]["CERTBOT_VALIDATION"]
    show_everywhere(name_server, value, "127.0.0.2")
    asked = ("127.0.0.3", "_acme-challenge.a.example", "TXT")
    wait_until(lambda: name_server.asked.count(asked) > 1, "the second server asked again")
    assert validations(pebble) == 0
    show_everywhere(name_server, value, "127.0.0.3")
    assert run.wait() == 0 and store.number("a.example") == 1


def test_a_record_that_does_not_come_costs_no_attempt(store, pebble, hooks, name_server):
    at = hooks.index("--dns-server")
    hooks[at + 1] = f"127.0.0.1:{name_server.port}"
    show_everywhere(name_server, "another", "127.0.0.2", "127.0.0.3")
    done = issue(store, "a.example", check=78, arguments=[*hooks, "--dns-propagation-seconds", "1"])
    assert f"the name server 127.0.0.2:{name_server.port} does not show the TXT record" in done.err
    assert validations(pebble) == 0


def test_an_alias_is_followed(store, pebble, hooks, tmp_path, name_server):
    at = hooks.index("--dns-server")
    hooks[at + 1] = f"127.0.0.1:{name_server.port}"
    name_server.records["127.0.0.1"].update({
        ("_acme-challenge.a.example", "CNAME"): ["a.auth.example"],
        ("auth.example", "NS"): ["ns1.other.example"]})
    name_server.records["127.0.0.2"]["a.auth.example", "TXT"] = ["x"]
    done = issue(store, "a.example", check=78, arguments=[*hooks, "--dns-propagation-seconds", "1"])
    assert "does not show the TXT record of a.auth.example" in done.err


def test_a_name_that_does_not_exist_costs_no_attempt(store, pebble, name_server, tmp_path):
    done = issue(store, "b.example", check=78, arguments=[
        "-w", tmp_path, "--dns-server", f"127.0.0.1:{name_server.port}"])
    assert "b.example does not exist in the DNS" in done.err and validations(pebble) == 0
    name_server.records["127.0.0.1"]["c.example", "TXT"] = ["x"]
    done = issue(store, "c.example", check=78, arguments=[
        "--tinyproxyd", "--dns-server", f"127.0.0.1:{name_server.port}"])
    assert "c.example has no address in the DNS" in done.err and validations(pebble) == 0


def test_a_redirect_loop_costs_no_attempt(store, pebble, tmp_path, backend):
    class Loop(dict):
        def __contains__(self, path):
            return True

        def __getitem__(self, path):
            return (b"HTTP/1.1 302 Found\r\nLocation: http://a.example" + path.encode()
                    + b"\r\nContent-Length: 0\r\n\r\n")
    backend.script = Loop()
    done = issue(store, "a.example", check=78, arguments=[
        "-w", tmp_path, "--preflight", f"127.0.0.1:{backend.port}"])
    assert "redirects more than 10 times" in done.err and validations(pebble) == 0
