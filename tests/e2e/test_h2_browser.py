# SPDX-License-Identifier: ISC
"""Chromium over HTTP/2: a page, what it loads, what it sends, and a WebSocket on the same connection (RFC 8441)."""
import base64
import hashlib
import re
import socket
import threading

import pytest

from support.browser import open_page
from support.wait import DEADLINE_S, wait_until

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PAGE = """<script>
async function run() {
    const posted = await (await fetch("/p/echo", {method: "POST", body: "x".repeat(60000)})).json();
    const many = await Promise.all([...Array(40).keys()].map(async n => (await (await fetch("/p/bytes/" + n * 100)).arrayBuffer()).byteLength));
    const ws = new WebSocket("wss://" + location.host + "/ws/chat");
    ws.onmessage = m => fetch("/report?" + posted.body.length + "-" + many.reduce((a, b) => a + b) + "-" + m.data).then(() => ws.close());
    ws.onopen = () => ws.send("hello");
}
run();
</script>"""


class WebSocketEcho:
    """As much of RFC 6455 as one short message each way takes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heads = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(DEADLINE_S * 3)
                try:
                    self._one(sock)
                except OSError:
                    pass

    def _one(self, sock):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(65536)
        self.heads.append(head.decode("latin-1"))
        key = re.search(rb"(?i)\r\nsec-websocket-key: (\S+)", head)[1]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        frame = b""
        while len(frame) < 6 or len(frame) < 6 + (frame[1] & 127):
            frame += sock.recv(65536)
        text = bytes(b ^ frame[2 + i % 4] for i, b in enumerate(frame[6:6 + (frame[1] & 127)]))
        sock.sendall(bytes([0x81, len(text)]) + text)
        sock.recv(65536)

    def stop(self):
        self.listener.close()


@pytest.fixture
def echo():
    server = WebSocketEcho()
    yield server
    server.stop()


def test_a_page_and_its_websocket(tinyproxyd, backend, free_port, certs, start, tmp_path, echo):
    port, certificate = free_port(), certs.issue("localhost")
    proxy = tinyproxyd("http { }", started=False)
    (proxy.directory / "page").mkdir()
    (proxy.directory / "page").chmod(0o755)
    (proxy.directory / "page" / "index.html").write_text(PAGE)
    proxy.write(f"""http {{
        log_format line '$connection $request $status $http2'; access_log {proxy.access_log} line;
        server {{
            listen 127.0.0.1:{port} ssl; http2 on;
            ssl_certificate {certificate.fullchain}; ssl_certificate_key {certificate.key};
            root {proxy.directory}/page;
            location /p/ {{ proxy_pass http://127.0.0.1:{backend.port}/; }}
            location /ws/ {{ proxy_pass http://127.0.0.1:{echo.port}; }}
            location /report {{ return 204; }}
        }} }}""")
    proxy.start()
    open_page(start, tmp_path, f"https://localhost:{port}/")
    report = "GET /report?60000-78000-hello HTTP/2.0 204 h2"
    wait_until(lambda: proxy.access_log.exists() and report in proxy.access_log.read_text(),
               lambda: f"the page's report; the log says:\n{proxy.access_log.read_text()}", DEADLINE_S * 4)
    assert "upgrade: websocket" in echo.heads[0].lower()
    assert all("buffered" in e or "favicon" in e for e in proxy.errors())
    wait_until(lambda: re.search(r"CONNECT /ws/chat HTTP/2.0 101 h2$", proxy.access_log.read_text(), re.M), "the tunnel's end")
    # It was on the connection of the rest.
    log = proxy.access_log.read_text()
    assert f"{re.search(r'^([0-9]+) CONNECT', log, re.M)[1]} {report}" in log
