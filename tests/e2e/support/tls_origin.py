# SPDX-License-Identifier: ISC
"""A server behind https:// that tells what it sees of the connection."""
import json
import ssl

from .tcp_server import TcpServer, tls


class Origin(TcpServer):
    """Answers each request with what it knows of the connection; /ws becomes an echo; keep: not one request only."""

    def __init__(self, issued, client_ca=None, header=0, keep=False):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(issued.fullchain, issued.key)
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.sni_callback = lambda sock, name, _: setattr(sock, "asked_for", name)
        self.keep = keep
        super().__init__(tls(self.context, self._answer))

    def _answer(self, sock):
        with sock.makefile("rb") as lines:
            while True:
                head = [lines.readline()]
                while head[-1].strip():
                    head.append(lines.readline())
                if not head[0]:
                    return
                if head[0].startswith(b"GET /ws"):
                    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
                    while data := lines.read1(1 << 16):
                        sock.sendall(data)
                    return
                peer = sock.getpeercert()
                body = json.dumps({
                    "name": getattr(sock, "asked_for", None), "reused": sock.session_reused,
                    "version": sock.version(), "cipher": sock.cipher()[0], "accepted": self.accepted,
                    "peer": dict(pair[0] for pair in peer["subject"])["commonName"] if peer else None}).encode()
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s" % (
                    len(body), b"keep-alive" if self.keep else b"close", body))
                if not self.keep:
                    return
