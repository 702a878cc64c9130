# SPDX-License-Identifier: ISC
"""A CA and a network that misbehave: at every single request the reply is lost, refused, cut short or
wrong. The next run always ends with a valid certificate, at the cost of one more order at most."""
import calendar
import random
import time
from email.utils import formatdate

import pytest

from support.acme_proxy import DROP, Answer, acme_proxy, problem  # noqa: F401
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import orders_made, under_fire

REQUESTS = 9         # of one issuance with an account: directory … certificate


@pytest.fixture
def pebble(make_pebble):
    return make_pebble(nonce_reject=0, authz_reuse=0)


@pytest.fixture
def ca(acme_proxy, store):
    """The man in the middle, with the account made; store.issue goes through him."""
    proxy = acme_proxy()

    def issue(name, arguments=(), **more):
        return store.issue(name, preflight=False, **more, arguments=[
            "--server", proxy.directory_url, *arguments])
    proxy.issue = issue
    proxy.issue("account.example")
    proxy.clear()
    return proxy


def once_at(number, value):
    """A hook that gives value at the request of that number, counted from now, and never again."""
    left = [number]

    def hook(request, *_):
        left[0] -= 1
        return value(request) if left[0] == 0 else None
    return hook


# ---- one fault at every request ------------------------------------------------------------------

FAULTS = {
    "dropped unheard": ("before", lambda r: DROP),
    "reply dropped": ("after", lambda r: DROP),
    "500": ("before", lambda r: Answer(500, [], b"oops")),
    "503 after the fact": ("after", lambda r: Answer(503, [("Content-Type", "text/html")], b"<p>")),
    "200 with nonsense": ("after", lambda r: Answer(200, [("Content-Type", "text/html")], b"<html>")),
    "redirect": ("before", lambda r: Answer(302, [("Location", "https://localhost:1/")], b"")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_each_request(store, pebble, site, ca, fault):
    where, value = FAULTS[fault]
    met = 0
    for number in range(1, REQUESTS + 1):
        name = f"f{number}.example"
        made, hit = orders_made(pebble), []

        def answer(request, *_):
            hit.append(request.kind)
            return value(request)
        getattr(ca, where)(once_at(number, answer))
        first = ca.issue(name, check=None)
        # A certificate that is none is bad data; anything else is the CA's trouble.
        assert first.code in ((0, 65, 69) if hit == ["certificate"] else (0, 69)), (hit, first.err)
        ca.clear()
        assert ca.issue(name).code == 0, hit
        met += len(hit)
        assert store.number(name) == 1
        assert store.under_way() == [] and site.leftovers() == [], hit
        assert orders_made(pebble) - made <= 2, (hit, first.err)
    assert met >= REQUESTS - 2


# ---- what the CA says ----------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status, kind", [(429, "rateLimited"), (503, "serverInternal")])
def test_a_pause_is_kept_and_told(store, ca, status, kind, form):
    until = int(time.time()) + 7200
    ca.before(lambda r: problem(status, kind, {
        "Retry-After": "7200" if form == "seconds" else formatdate(until, usegmt=True)})
        if r.kind == "newOrder" else None)
    done = ca.issue("a.example", check=75)
    told = time.strptime(done.err.split("not before ")[1].split()[0], "%Y-%m-%dT%H:%M:%SZ")
    assert abs(calendar.timegm(told) - until) <= 10
    # Nobody asks again before that, and what is told is the reason.
    ca.clear()
    done = ca.issue("a.example", check=75)
    assert ca.seen == [] and "the CA asked for a pause" in done.err and kind in done.err
    path = store.dir / "gatehouse/backoff/a.example.json"
    path.write_text(path.read_text().replace(str(until)[:6], "100000"))
    ca.issue("a.example")
    assert not path.exists()


def test_a_short_pause_is_waited_for_to_the_second(ca):
    seen = []

    def busy(request):
        if request.kind == "newOrder":
            seen.append(time.monotonic())
            return problem(503, "serverInternal", {"Retry-After": "2"}) if len(seen) == 1 else None
        return None
    ca.before(busy)
    ca.issue("a.example")
    assert seen[1] - seen[0] >= 2.0


def test_a_busy_directory(ca):
    ca.before(lambda r: problem(503, "serverInternal", {"Retry-After": "3600"})
              if r.kind == "directory" else None)
    done = ca.issue("a.example", check=75)
    assert "asks for a pause" in done.err and "not before" in done.err and len(ca.seen) == 1


def test_a_busy_ca_is_left_alone_by_all_orders(store, ca):
    for name in ("a.example", "b.example", "c.example"):
        ca.issue(name)
    ca.clear()
    ca.before(lambda r: problem(503, "serverInternal", {"Retry-After": "3600"})
              if r.kind == "newOrder" else None)
    done = store.renew("--force-renewal", "--jobs", "1", check=75)
    assert ca.counts()["newOrder"] == 1 and done.err.count("not before") == 4


def test_a_wrong_clock_is_named(ca):
    ca.after(lambda r, a: a.with_header("Date", formatdate(time.time() - 7200, usegmt=True)))
    ca.before(lambda r: problem(400, "malformed") if r.kind == "newOrder" else None)
    done = ca.issue("a.example", check=None)
    assert done.code and "this machine's clock is 120 minutes ahead of the CA's" in \
        done.err.split("malformed")[1]


# ---- bodies --------------------------------------------------------------------------------------

@pytest.mark.parametrize("change", [
    lambda a: a.replace(body=b"x" * (2 << 20)),
    lambda a: a.replace(body=a.body[:200]),
    lambda a: a.replace(body=a.body.replace(b"-----END CERTIFICATE-----", b"", 1)),
    lambda a: a.replace(cut=100),
    lambda a: a.replace(body=b""),
])
def test_certificates_that_are_none(store, ca, change):
    ca.after(lambda r, a: change(a) if r.kind == "certificate" else None)
    ca.issue("a.example", check=None)
    assert not (store.dir / "live/a.example").exists()
    ca.clear()
    ca.issue("a.example")
    assert store.number("a.example") == 1 and store.under_way() == []


def test_the_certificate_of_another_order(store, ca):
    ca.issue("other.example")
    other = store.live("other.example").read_bytes()
    ca.issue("a.example")
    before = store.fingerprint("a.example")
    ca.clear()
    ca.after(lambda r, a: a.replace(body=other) if r.kind == "certificate" else None)
    done = ca.issue("a.example", arguments=["--force-renewal"], check=65)
    assert "the new certificate was not put into service" in done.err
    assert store.fingerprint("a.example") == before and store.number("a.example") == 1


def test_a_slow_ca(ca):
    ca.after(lambda r, a: time.sleep(0.3))
    ca.issue("a.example")


# ---- failures that last --------------------------------------------------------------------------

def fail_validation(ca):
    ca.after(lambda r, a: a.with_json({**a.json(), "status": "invalid", "error": {
        "type": "urn:ietf:params:acme:error:unauthorized", "detail": "scripted"}})
        if r.kind == "order" else None)


def test_failures_back_off_and_are_shown(store, ca, tool):
    ca.issue("a.example")
    fail_validation(ca)
    for _ in range(5):
        ca.issue("a.example", arguments=["--force-renewal"], check=None)
    made = ca.counts()["newOrder"]
    done = ca.issue("a.example", arguments=["--force-renewal"], check=75)
    assert "it has failed 5 times within an hour; the last failure: " in done.err
    assert "unauthorized" in done.err and "not before" in done.err
    done = store.renew("--cert-name", "a.example", "--force-renewal", check=75)
    assert ca.counts()["newOrder"] == made
    shown = tool("cert-info", "--config-dir", store.dir, "a.example", "--json", check=None)
    assert "renewal-fails" in shown.out and "failed 5 times" in shown.out
    ca.clear()
    (store.dir / "gatehouse/backoff/a.example.json").unlink()
    ca.issue("a.example", arguments=["--force-renewal"])


def test_preflight_failures_cost_nothing_and_do_not_count(store, ca, pebble, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for _ in range(7):
        store.issue("a.example", webroot=wrong, check=78, arguments=["--server", ca.directory_url])
    assert ca.counts()["newOrder"] == 1 and ca.counts()["challenge"] == 0
    ca.issue("a.example")


# ---- many, under fire ----------------------------------------------------------------------------

@pytest.mark.parametrize("rejected, dropped", [(60, 0), (30, 0.10)])
def test_rejected_nonces_and_dropped_connections(make_pebble, acme_proxy, make_site, tmp_path,
                                                 rejected, dropped):
    under_fire(make_pebble, acme_proxy, make_site, tmp_path, rejected, dropped, 8)
