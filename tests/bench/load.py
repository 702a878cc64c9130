# SPDX-License-Identifier: ISC
"""The work given to a proxy. Each function does it and returns a Load; one that fails ends the run."""
import re
import selectors
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

NAME = "bench.example"
REQUEST = f"GET /1k HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
REQUEST_AND_CLOSE = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
BODY = 1024  # bytes of /1k
FILE_GIB = 100 / 1024  # of /100m
ECHO_BYTES = 64


@dataclass
class Load:
    units: float
    latencies: list = field(default_factory=list)  # seconds


def run(argv):
    done = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


def h2load(port, count, clients, streams, h1, path="/1k"):
    """In requests."""
    with tempfile.NamedTemporaryFile("r") as log:
        text = run(["h2load", "-n", count, "-c", clients, "-m", streams, "--log-file", log.name,
                    f"--connect-to=127.0.0.1:{port}", *(["--h1"] if h1 else []), f"https://{NAME}{path}"])
        if int(re.search(r"(\d+) 2xx", text).group(1)) != count:
            raise SystemExit(f"bench: not all of {count} requests succeeded\n{text}")
        return Load(count, [int(line.split()[2]) / 1e6 for line in log])


# ---- TLS connections -------------------------------------------------------------------------------------

def client_context(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def connect(port, context, session=None):
    raw = socket.create_connection(("127.0.0.1", port), 60)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname=NAME, session=session)


def handshakes(port, count, version, resume):
    """A connection, a handshake (resumed or not) and one request, again and again; in connections."""
    context = client_context(version)
    session, latencies, resumed = None, [], 0
    for number in range(count + resume):
        begun = time.monotonic()
        with connect(port, context, session) as sock:
            sock.sendall(REQUEST_AND_CLOSE)
            while sock.recv(65536):
                pass
            resumed += sock.session_reused
            if resume:
                session = sock.session
        if number >= resume:
            latencies.append(time.monotonic() - begun)
    if resumed != (count if resume else 0):
        raise SystemExit(f"bench: {resumed} of {count} sessions were resumed")
    return Load(count, latencies)


def read_response(sock):
    got = b""
    while got.partition(b"\r\n\r\n")[2] != b"x" * BODY:
        data = sock.recv(65536)
        if not data:
            raise SystemExit(f"bench: a response ended early: {got[:200]}")
        got += data


def idle(port, count):
    """So many open connections that have had a response each; the caller closes them."""
    context = client_context()
    held = []
    for _ in range(count):
        sock = connect(port, context)
        sock.sendall(REQUEST)
        read_response(sock)
        held.append(sock)
    return held


# ---- WebSocket -------------------------------------------------------------------------------------------

UPGRADE = (f"GET /echo HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
MESSAGE = bytes((0x82, 0x80 | ECHO_BYTES, 0, 0, 0, 0)) + b"w" * ECHO_BYTES  # masked with zeros
ECHO = bytes((0x82, ECHO_BYTES)) + b"w" * ECHO_BYTES


def upgraded(port, context):
    sock = connect(port, context)
    sock.sendall(UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(65536) or b"\r\n\r\n"
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"bench: no WebSocket: {head[:200]}")
    sock.setblocking(False)
    return sock


def receive(sock):
    try:
        return sock.recv(65536)
    except ssl.SSLWantReadError:
        return b""


def websocket(port, count, clients):
    """Each client sends a message when the one before has come back; in echoes."""
    context, selector = client_context(), selectors.DefaultSelector()
    sent, got, latencies, left = {}, {}, [], count
    for _ in range(clients):
        sock = upgraded(port, context)
        selector.register(sock, selectors.EVENT_READ)
        sent[sock], got[sock] = time.monotonic(), b""
        sock.send(MESSAGE)
    while left > 0:
        ready = selector.select(60)
        if not ready:
            raise SystemExit("bench: echoes stopped coming")
        for key, _ in ready:
            sock = key.fileobj
            got[sock] += receive(sock)
            if len(got[sock]) < len(ECHO):
                continue
            if got[sock] != ECHO:
                raise SystemExit("bench: an echo is not what was sent")
            now = time.monotonic()
            latencies.append(now - sent[sock])
            sent[sock], got[sock], left = now, b"", left - 1
            sock.send(MESSAGE)
    for sock in sent:
        sock.close()
    return Load(len(latencies), latencies)


# ---- bulk, and bytes passed through -------------------------------------------------------------------------

def fetch(scheme, port, count):
    """The large file by one connection, again and again; in GiB."""
    url = f"{scheme}://{NAME}:{port}/100m"
    text = run(["curl", "-sSkf", "--http1.1", "--resolve", f"{NAME}:{port}:127.0.0.1", "-w", "%{time_total} %{size_download}\n",
                *[word for _ in range(count) for word in ("-o", "/dev/null", url)]])
    fetched = [line.split() for line in text.splitlines()]
    if [int(size) for _, size in fetched] != [100 << 20] * count:
        raise SystemExit(f"bench: a download came short:\n{text}")
    return Load(count * FILE_GIB, [float(taken) for taken, _ in fetched])


def tunnel_connections(port, count):
    """A connection passed through and one request on it, again and again; in connections."""
    latencies = []
    for _ in range(count):
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), 60) as sock:
            sock.sendall(REQUEST_AND_CLOSE)
            got = 0
            while data := sock.recv(65536):
                got += len(data)
        if got < BODY:
            raise SystemExit("bench: a response passed through came short")
        latencies.append(time.monotonic() - begun)
    return Load(count, latencies)
