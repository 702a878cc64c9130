# SPDX-License-Identifier: ISC
"""A web server for the proxy to stand before: it remembers every byte of every request head.

  /echo             what arrived, as JSON: method, target, version, headers, body (text), sha256
  /bytes/N          N bytes of support.pattern with Content-Length
  /chunked/N        the same bytes, chunked, pieces of odd sizes
  /close/N          the same bytes, ended by closing (HTTP/1.0 style)
  /status/N         that status with a short body
  /hold/NAME        answers only when the test calls release(NAME)
  /drip/N           N bytes, then waits for release("drip"), then N more
  anything else     200 and the backend's name
  backend.script["/path"] = b"HTTP/1.1 ..."   exactly these bytes; with .script_close the
                    connection is closed after them

Requests are drained to their end before the answer (`early` paths answer before the body).
"""
import collections
import json
import os
import socket
import ssl
import threading

from . import wire
from .pattern import pattern
from .wait import DEADLINE_S, wait_until


class Backend:
    def __init__(self, name="backend", host="127.0.0.1", port=0, unix=None, tls=None):
        self.name = name
        self.requests = []          # Message objects with .connection (its number)
        self.connections = 0        # accepted since the start
        self.broken = []            # (connection number, error) of requests that ended half-way
        self.script, self.script_close, self.early = {}, set(), set()
        self._open = {}
        self._events = collections.defaultdict(threading.Event)
        self._lock = threading.Lock()
        self._tls = tls
        self._unix = unix
        if unix:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(str(unix))
            os.chmod(unix, 0o666)
            self.port = None
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.listener = socket.socket(family, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((host, port))
            self.port = self.listener.getsockname()[1]
        self.listener.listen(512)
        self._closing = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    # ---- what a test asks ----------------------------------------------------------------

    @property
    def open_connections(self):
        with self._lock:
            return len(self._open)

    @property
    def last(self):
        return self.requests[-1]

    def wait_for_requests(self, count, deadline_s=DEADLINE_S):
        wait_until(lambda: len(self.requests) >= count,
                   lambda: f"{count} requests at {self.name}, {len(self.requests)} came", deadline_s)
        return self.requests

    def release(self, name):
        self._events[name].set()

    def drop_connections(self):
        """Close every connection that is open now."""
        with self._lock:
            sockets = list(self._open.values())
        for sock in sockets:
            _shutdown(sock)

    def stop(self):
        self._closing = True
        _shutdown(self.listener)
        self.listener.close()
        self.drop_connections()
        for event in list(self._events.values()):
            event.set()
        self._thread.join(DEADLINE_S)
        if self._unix and os.path.exists(self._unix):
            os.unlink(self._unix)

    # ---- serving -------------------------------------------------------------------------

    def _accept(self):
        while not self._closing:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open[number] = sock
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        try:
            if self._tls:
                sock.settimeout(DEADLINE_S)
                sock = self._tls.wrap_socket(sock, server_side=True)
                sock.settimeout(None)
                with self._lock:
                    self._open[number] = sock
            elif not self._unix:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = wire.Reader(sock)
            while self._one(sock, reader, number):
                pass
        except (OSError, ssl.SSLError, wire.WireError, ValueError) as error:
            self.broken.append((number, error))
        finally:
            with self._lock:
                self._open.pop(number, None)
            sock.close()

    def _one(self, sock, reader, number):
        request = wire.read_head(reader)
        if request is None:
            return False
        request.connection = number
        path = request.target.split("?")[0]
        keep = request.version == "HTTP/1.1" or "keep-alive" in (request.get("connection") or "")
        keep = keep and (request.get("connection") or "").lower() != "close"
        if path not in self.early:
            if (request.get("expect") or "").lower() == "100-continue":
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            wire.read_body(reader, request, until_close=False)
        self.requests.append(request)
        if path in self.script:
            sock.sendall(self.script[path])
            return path not in self.script_close
        return self._answer(sock, request, path, keep) and keep

    def _answer(self, sock, request, path, keep):
        word, _, rest = path.strip("/").partition("/")
        extra = "" if keep else "Connection: close\r\n"
        if word == "hold":
            self._events[rest].wait()
        if word == "status":
            return self._reply(sock, request, f"status {rest}\n".encode(), extra, status=int(rest))
        if word == "echo":
            return self._reply(sock, request, json.dumps(_echo(request)).encode(), extra,
                               kind="application/json")
        if word == "drip":
            return self._drip(sock, int(rest), extra)
        if word in ("bytes", "chunked", "close"):
            return _stream(sock, request, word, int(rest), extra)
        return self._reply(sock, request, f"{self.name}\n".encode(), extra)

    def _reply(self, sock, request, body, extra, status=200, kind="text/plain"):
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\nServer: test\r\n"
        if status not in (204, 304):
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        bare = request.method == "HEAD" or status in (204, 304)
        sock.sendall((head + extra + "\r\n").encode() + (b"" if bare else body))
        return True

    def _drip(self, sock, length, extra):
        sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * length}\r\n{extra}\r\n".encode())
        for index, piece in enumerate(pattern(2 * length, length)):
            if index == 1:
                self._events["drip"].wait()
            sock.sendall(piece)
        return True


_REASONS = {200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 302: "Found",
            304: "Not Modified", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
            500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}


def _echo(request):
    return {"method": request.method, "target": request.target, "version": request.version,
            "headers": request.headers, "body": request.body[:65536].decode("latin-1"),
            "length": request.body_length, "sha256": request.sha256,
            "trailers": request.trailers, "connection": request.connection}


def _stream(sock, request, word, length, extra):
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
    head += {"bytes": f"Content-Length: {length}\r\n{extra}",
             "chunked": f"Transfer-Encoding: chunked\r\n{extra}",
             "close": "Connection: close\r\n"}[word]
    sock.sendall((head + "\r\n").encode())
    if request.method == "HEAD":
        return word != "close"
    for piece in pattern(length, 65521 if word == "chunked" else 1 << 20):
        sock.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if word == "chunked" else piece)
    if word == "chunked":
        sock.sendall(b"0\r\n\r\n")
    return word != "close"


def _shutdown(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
