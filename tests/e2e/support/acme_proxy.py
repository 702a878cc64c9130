# SPDX-License-Identifier: ISC
"""A man in the middle between an ACME client and its CA: watches, answers itself, changes, cuts.

    proxy = acme_proxy()                              # in front of this test's pebble
    proxy.before(lambda r: DROP if r.kind == "finalize" else None)
    proxy.before(lambda r: problem(429, "rateLimited", {"Retry-After": "60"}) if … else None)
    proxy.after(lambda r, a: a.replace(body=a.body[:100]) if r.kind == "certificate" else None)
    store.issue(…, "--server", proxy.directory_url)
    [r.payload for r in proxy.seen if r.kind == "newOrder"]

Hooks run in the order they were added, each in the connection's own thread (so it may wait); the
first that returns something decides. Pebble makes its URLs from the Host header, which is passed on:
everything that the client is sent to leads through here.
"""
import base64
import collections
import dataclasses
import http.client
import http.server
import itertools
import json
import socket
import ssl
import threading

import pytest

from .ports import free_port

DROP = object()      # close the connection without an answer

# First part of a pebble's path → what RFC 8555 calls it.
KINDS = {"dir": "directory", "nonce-plz": "newNonce", "sign-me-up": "newAccount",
         "order-plz": "newOrder", "my-order": "order", "authZ": "authorization",
         "chalZ": "challenge", "finalize-order": "finalize", "certZ": "certificate",
         "revoke-cert": "revokeCert", "rollover-account-key": "keyChange",
         "my-account": "account", "renewal-info": "renewalInfo"}


def _unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclasses.dataclass
class Request:
    number: int          # over all, from 1
    method: str
    path: str
    headers: dict        # names in lower case
    body: bytes

    @property
    def kind(self):
        first = self.path.split("?")[0].strip("/").split("/")[0]
        return KINDS.get(first, first)

    @property
    def header(self):
        """The JWS's protected header."""
        return json.loads(_unbase64(json.loads(self.body)["protected"]))

    @property
    def payload(self):
        """What the JWS carries; None for POST-as-GET."""
        text = _unbase64(json.loads(self.body)["payload"])
        return json.loads(text) if text else None


@dataclasses.dataclass
class Answer:
    status: int
    headers: list        # [(name, value)]; Content-Length follows from the body unless it is here
    body: bytes = b""
    cut: int = None      # send only so many bytes of the body, then close

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)

    def with_header(self, name, value):
        """The same with one header set (value None: without it)."""
        rest = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        return self.replace(headers=rest if value is None else [*rest, (name, value)])

    def json(self):
        return json.loads(self.body)

    def with_json(self, value):
        return self.replace(body=json.dumps(value).encode())


def answer_json(value, status=200, headers=()):
    return Answer(status, [("Content-Type", "application/json"), *dict(headers).items()],
                  json.dumps(value).encode())


def problem(status, kind, headers=(), detail="scripted"):
    return Answer(status, [("Content-Type", "application/problem+json"), *dict(headers).items()],
                  json.dumps({"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail,
                              "status": status}).encode())


class AcmeProxy:
    def __init__(self, certs, upstream_port, ca_file, path="/dir"):
        web = certs.issue("localhost", "127.0.0.1")
        self.ca_file = certs.ca
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.directory_url = self.url + path
        self.seen = []               # every Request, in order of arrival
        self.connections = 0
        self._before, self._after = [], []
        self._numbers, self._lock = itertools.count(1), threading.Lock()
        self._upstream_port = upstream_port
        self._upstream_context = ssl.create_default_context(cafile=str(ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(web.fullchain, web.key)
        proxy = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                connection, address = super().get_request()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # The handshake is the connection's own thread's affair.
                return context.wrap_socket(connection, server_side=True,
                                           do_handshake_on_connect=False), address

            def handle_error(self, *_):
                pass

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                self.upstream = None
                with proxy._lock:
                    proxy.connections += 1
                super().setup()

            def finish(self):
                if self.upstream:
                    self.upstream.close()
                super().finish()

            def do_GET(self):
                proxy._serve(self)

            do_POST = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def before(self, hook):
        """hook(request) → None (pass it on), an Answer (the CA never hears of it), or DROP."""
        self._before.append(hook)
        return self

    def after(self, hook):
        """hook(request, answer) → None (as it is), another Answer, or DROP."""
        self._after.append(hook)
        return self

    def clear(self):
        """Forget all hooks and what was seen."""
        self._before, self._after, self.seen = [], [], []

    def counts(self):
        """How many requests of each kind."""
        return collections.Counter(request.kind for request in self.seen)

    # ---- one request ---------------------------------------------------------------------------

    def _serve(self, handler):
        length = int(handler.headers.get("Content-Length", 0))
        request = Request(0, handler.command, handler.path,
                          {name.lower(): value for name, value in handler.headers.items()},
                          handler.rfile.read(length))
        with self._lock:
            request.number = next(self._numbers)
            self.seen.append(request)
        answer = self._first(self._before, request)
        if answer is None:
            answer = self._forward(handler, request)
            if self._is_rejected_nonce(answer):
                # Pebble's dice: the client asks again, and that one is what scripts and counts mean.
                with self._lock:
                    self.seen.remove(request)
            else:
                changed = self._first(self._after, request, answer)
                answer = answer if changed is None else changed
        self._send(handler, request, answer)

    @staticmethod
    def _is_rejected_nonce(answer):
        return answer.status == 400 and b"urn:ietf:params:acme:error:badNonce" in answer.body

    @staticmethod
    def _first(hooks, *arguments):
        for hook in list(hooks):
            value = hook(*arguments)
            if value is not None:
                return value
        return None

    def _forward(self, handler, request):
        if not handler.upstream:
            handler.upstream = http.client.HTTPSConnection(
                "localhost", self._upstream_port, timeout=60, context=self._upstream_context)
        headers = {name: value for name, value in request.headers.items() if name != "connection"}
        handler.upstream.request(request.method, request.path, request.body or None, headers)
        got = handler.upstream.getresponse()
        hop = ("connection", "transfer-encoding", "content-length")
        return Answer(got.status, [(n, v) for n, v in got.getheaders() if n.lower() not in hop],
                      got.read())

    @staticmethod
    def _send(handler, request, answer):
        handler.close_connection = True
        if answer is DROP:
            return
        head = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, 'Unknown')}"]
        if not any(name.lower() == "content-length" for name, _ in answer.headers):
            head.append(f"Content-Length: {len(answer.body)}")
        head += [f"{name}: {value}" for name, value in answer.headers]
        body = b"" if request.method == "HEAD" else answer.body[:answer.cut]
        handler.wfile.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        handler.close_connection = answer.cut is not None


@pytest.fixture
def acme_proxy(certs, request):
    """acme_proxy() → AcmeProxy in front of this test's pebble; acme_proxy(other_pebble)."""
    running = []

    def make(pebble=None):
        pebble = pebble or request.getfixturevalue("pebble")
        running.append(AcmeProxy(certs, pebble.port, pebble.ca_file))
        return running[-1]

    yield make
    for proxy in running:
        proxy.stop()
