# SPDX-License-Identifier: ISC
"""What stands behind the proxies: an nginx with files, and a WebSocket server that echoes (RFC 6455).

Run as a program it is the latter: backend.py PORT.
"""
import base64
import hashlib
import os
import re
import selectors
import socket
import sys

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def nginx_files(directory, port):
    """The command of an nginx that serves /1k and /100m, each response at once, as Debian has nginx set up."""
    www = directory / "www"
    www.mkdir()
    (www / "1k").write_bytes(b"x" * 1024)
    (www / "100m").write_bytes(os.urandom(1 << 20) * 100)
    directory.chmod(0o755)
    path = directory / "nginx.conf"
    path.write_text(f"""daemon off; worker_processes 1; pid {directory}/pid; error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 10000000; keepalive_timeout 600; sendfile on; tcp_nopush on;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {www}; }}
}}
""")
    return ["nginx", "-p", f"{directory}/", "-e", directory / "error", "-c", path]


def echo_server(port):
    return [sys.executable, "-S", "-E", __file__, port]


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + MAGIC).digest())


def unmask(payload, mask):
    n = len(payload)
    key = (mask * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(n, "little")


def answer(data):
    """(bytes to send, bytes left over): messages below 126 bytes, or the request for the upgrade."""
    if data.startswith(b"GET "):
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            return b"", data
        key = re.search(rb"(?i)\r\nsec-websocket-key: *([^\r]+)", head).group(1)
        return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept_key(key) + b"\r\n\r\n"), rest
    out = b""
    while len(data) >= 6 and len(data) >= 6 + (data[1] & 127):
        n = data[1] & 127
        out += bytes((data[0], n)) + unmask(data[6:6 + n], data[2:6])
        data = data[6 + n:]
    return out, data


def serve(port):
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    selector.register(listener, selectors.EVENT_READ)
    left = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(client, selectors.EVENT_READ)
                left[client] = b""
                continue
            client = key.fileobj
            try:
                data = client.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                selector.unregister(client)
                client.close()
                del left[client]
                continue
            out, left[client] = answer(left[client] + data)
            if out:
                client.sendall(out)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
