# SPDX-License-Identifier: ISC
"""ARI (RFC 9773) by a scripted renewalInfo: pebble has none."""
import base64
import datetime
import json

import pytest
from cryptography import x509

from support import programs
from support.acme_proxy import *  # noqa: F401,F403
from support.acme_proxy import DROP, Answer, answer_json, problem
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import orders_made, result
from support.measure import measure

PAGE = "https://ca.example/why"


def utc(hours):
    """The instant so many hours from now."""
    at = datetime.datetime.utcnow() + datetime.timedelta(hours=hours)
    return at.replace(microsecond=0).isoformat() + "Z"


def cert_id(leaf):
    def text(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    key_id = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    serial = leaf.serial_number
    return text(key_id.key_identifier) + "." + text(
        serial.to_bytes(serial.bit_length() // 8 + 1, "big"))


class Ari:
    """Answers renewalInfo: .answer is what it says, .asked the ids."""

    def __init__(self, proxy):
        self.proxy, self.asked = proxy, []
        self.window(24, 48)
        proxy.after(self._advertise)
        proxy.before(self._say)

    def window(self, begins, ends, retry_after="21600", **more):
        self.answer = answer_json({"suggestedWindow": {"start": utc(begins), "end": utc(ends)},
                                   **more}, headers={"Retry-After": retry_after})

    def _advertise(self, request, answer):
        if request.kind != "directory":
            return None
        return answer.with_json({**answer.json(),
                                 "renewalInfo": self.proxy.url + "/renewal-info"})

    def _say(self, request):
        if request.kind != "renewalInfo":
            return None
        assert request.method == "GET"
        self.asked.append(request.path.rpartition("/")[2])
        return self.answer


@pytest.fixture
def ari(acme_proxy):
    return Ari(acme_proxy())


@pytest.fixture
def lineage(store, ari):
    """a.example, issued through the proxy; nothing asked yet."""
    store.issue("a.example", arguments=["--server", ari.proxy.directory_url])
    ari.proxy.seen.clear()
    return store


def note(store, name="a.example"):
    return json.loads((store.dir / "gatehouse" / "ari" / f"{name}.json").read_text())


def forget_freshness(store, name="a.example"):
    path = store.dir / "gatehouse" / "ari" / f"{name}.json"
    path.write_text(json.dumps({**note(store, name), "check_at": utc(-1)}))


def run(store):
    return result(store.renew("--json"))["lineages"][0]


def test_a_window_to_come_is_waited_for_without_asking_again(lineage, ari):
    told = run(lineage)
    assert told["outcome"] == "kept" and ari.asked == [cert_id(lineage.leaf("a.example"))]
    assert told["ari"]["start"] < told["ari"]["at"] < told["ari"]["end"]
    before = len(ari.proxy.seen)
    assert run(lineage)["ari"] == told["ari"] and len(ari.proxy.seen) == before
    # Asked anew with the same window, the instant stays; with another one it is drawn again.
    forget_freshness(lineage)
    assert run(lineage)["ari"] == told["ari"] and len(ari.asked) == 2
    ari.window(100, 200)
    forget_freshness(lineage)
    assert run(lineage)["ari"]["start"] != told["ari"]["start"]
    assert lineage.number("a.example") == 1


def test_a_window_in_the_past_replaces_the_certificate(lineage, ari):
    old = cert_id(lineage.leaf("a.example"))
    ari.window(-48, -24, explanationURL=PAGE)
    done = lineage.renew("--json")
    assert result(done)["lineages"][0]["outcome"] == "issued"
    assert f"the CA asks for its renewal: {PAGE}" in done.err
    order = [r.payload for r in ari.proxy.seen if r.kind == "newOrder"][-1]
    assert order["replaces"] == old
    ari.window(24, 48)
    assert run(lineage)["outcome"] == "kept" and lineage.number("a.example") == 2
    assert ari.asked == [old, cert_id(lineage.leaf("a.example"))]


def test_revoked_at_the_ca_it_is_replaced_by_the_next_run_that_may_ask(lineage, ari):
    assert run(lineage)["outcome"] == "kept"
    ari.window(-2, -1)                       # as a CA does when it revokes
    assert run(lineage)["outcome"] == "kept"    # the answer before is fresh still
    forget_freshness(lineage)
    assert run(lineage)["outcome"] == "issued"
    assert lineage.renew("-q").err == ""


@pytest.mark.parametrize("status, kind", [(409, "alreadyReplaced"), (404, "malformed"),
                                          (403, "unauthorized")])
def test_replaces_is_dropped_when_it_is_refused(lineage, ari, status, kind):
    ari.window(-2, -1)
    ari.proxy.before(lambda r: problem(status, kind) if r.kind == "newOrder" and
                     "replaces" in r.payload else None)
    made = orders_made(lineage.pebble)
    assert run(lineage)["outcome"] == "issued"
    orders = [r.payload for r in ari.proxy.seen if r.kind == "newOrder"]
    # (Pebble refuses a nonce now and then.)
    assert "replaces" in orders[0] and "replaces" not in orders[-1]
    assert orders_made(lineage.pebble) == made + 1


def test_a_limit_is_no_refusal_of_replaces(lineage, ari):
    ari.window(-2, -1)
    ari.proxy.before(lambda r: problem(429, "rateLimited", {"Retry-After": "7200"})
                     if r.kind == "newOrder" else None)
    lineage.renew("-q", check=75)
    assert all("replaces" in r.payload for r in ari.proxy.seen if r.kind == "newOrder")


@pytest.mark.parametrize("retry_after, hours", [("7200", 2), ("1", 1 / 60), ("999999", 24),
                                                (None, 6)])
def test_retry_after_says_when_to_ask_again_within_reason(lineage, ari, retry_after, hours):
    ari.answer = ari.answer.with_header("Retry-After", retry_after)
    earliest, latest = utc(hours), None
    run(lineage)
    latest = utc(hours)
    assert earliest <= note(lineage)["check_at"] <= latest


@pytest.mark.parametrize("answer", [
    Answer(500, []), Answer(404, []), Answer(200, [], b"{}"), Answer(200, [], b"no json"), DROP,
    answer_json({"suggestedWindow": {"start": "2026-01-02T00:00:00Z",
                                     "end": "2026-01-01T00:00:00Z"}}),
    Answer(200, [], b'{"suggestedWindow":' + b" " * 2_000_000 + b"}")],
    ids=["500", "404", "empty", "garbage", "drop", "reversed", "oversize"])
def test_without_a_good_answer_the_share_of_life_decides(lineage, ari, answer):
    ari.answer = answer
    done = lineage.renew("--json")
    told = result(done)["lineages"][0]
    assert told["outcome"] == "kept" and "ari" not in told
    asked = len(ari.asked)
    run(lineage)
    assert len(ari.asked) == asked              # left alone for hours


def test_what_was_known_stays_when_asking_fails(lineage, ari):
    told = run(lineage)
    ari.answer = Answer(500, [])
    forget_freshness(lineage)
    assert run(lineage)["ari"] == told["ari"]


def test_a_ca_without_ari_is_asked_once_in_hours(store, acme_proxy):
    proxy = acme_proxy()
    store.issue("a.example", arguments=["--server", proxy.directory_url])
    proxy.seen.clear()
    assert [run(store)["outcome"], run(store)["outcome"]] == ["kept", "kept"]
    assert [r.kind for r in proxy.seen] == ["directory"]


def test_many_lineages_share_a_connection_or_few(store, ari):
    for name in ("a.example", "b.example", "c.example"):
        store.issue(name, arguments=["--server", ari.proxy.directory_url])
    ari.proxy.seen.clear()
    done = result(store.renew("--json"))
    assert [one["outcome"] for one in done["lineages"]] == ["kept"] * 3
    assert ari.proxy.counts() == {"directory": 1, "renewalInfo": 3}
    assert sorted(ari.asked) == sorted(cert_id(store.leaf(one["name"]))
                                       for one in done["lineages"])
    assert result(store.renew("--json"))["requests"] == 0


@pytest.fixture
def hundreds(lineage):
    """600 lineages, more than are looked at together."""
    lineage.copy("a.example", [f"n{number}.example" for number in range(1, 600)])
    return lineage


def test_hundreds_of_stale_answers_cost_no_memory(hundreds, ari, release_build):
    run = measure([programs.path("acme-renew", release_build), "--config-dir", hundreds.dir, "--ca-file",
                   hundreds.pebble.ca_file, "-q"], {"no_proxy": "*"})
    assert run.code == 0 and run.kib <= 16 * 1024, run
    assert ari.proxy.counts() == {"directory": 1, "renewalInfo": 600}
    told = result(hundreds.renew("--json"))
    assert told["requests"] == 0 and len(told["lineages"]) == 600
    assert all(one["outcome"] == "kept" and one["ari"] for one in told["lineages"])


def test_a_ca_in_trouble_is_left_alone(hundreds, ari):
    ari.answer = Answer(503, [])
    assert result(hundreds.renew("--json"))["requests"] < 40
    assert result(hundreds.renew("--json"))["requests"] == 0
