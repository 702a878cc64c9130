# SPDX-License-Identifier: ISC
"""A client that sends exactly the bytes it is given, plain or over TLS."""
import select
import socket
import ssl

from . import wire
from .wait import DEADLINE_S, wait_until


def tls_context(ca=None, alpn=None, minimum=None, maximum=None):
    """A client context that trusts `ca` (a PEM file); without it nothing is verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        context.load_verify_locations(ca)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    if minimum:
        context.minimum_version = minimum
    if maximum:
        context.maximum_version = maximum
    return context


class Client:
    """One connection. Give `tls` a context (or True: unverified) and the server's name."""

    def __init__(self, port, host="127.0.0.1", tls=None, server_name=None, timeout_s=DEADLINE_S,
                 source=None, rcvbuf=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout_s)
        try:
            if rcvbuf:  # before the window is told
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            if source:
                self.sock.bind((source, 0))
            self.sock.connect((host, port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                context = tls_context() if tls is True else tls
                self.sock = context.wrap_socket(self.sock, server_hostname=server_name)
        except BaseException:
            self.sock.close()
            raise
        self.reader = wire.Reader(self.sock)
        self.source_port = self.sock.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def response(self, to="GET", on_data=None):
        """The next final response (interim ones are kept in .interim); to: the request's method."""
        interim = []
        while True:
            message = wire.read_head(self.reader)
            if message is None:
                raise wire.WireError("closed without a response")
            if message.status >= 200 or message.status == 101:
                break
            interim.append(message)
        message.interim = interim
        if to != "HEAD" and message.status not in (101, 204, 304):
            wire.read_body(self.reader, message, until_close=True, on_data=on_data)
        return message

    def request(self, target="/", method="GET", host="localhost", headers=(), body=None,
                version="HTTP/1.1"):
        """Send one request, return its response. A body that is an iterable is sent chunked."""
        head = [f"{method} {target} {version}"]
        if host is not None:
            head.append(f"Host: {host}")
        head += [f"{name}: {value}" for name, value in headers]
        chunked = body is not None and not isinstance(body, (bytes, str))
        if chunked:
            head.append("Transfer-Encoding: chunked")
        elif body is not None:
            body = body.encode() if isinstance(body, str) else body
            head.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(head) + "\r\n\r\n")
        if chunked:
            for piece in body:
                self.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.send(b"0\r\n\r\n")
        elif body:
            self.send(body)
        return self.response(to=method)

    def exchange(self, raw, to="GET"):
        self.send(raw)
        return self.response(to=to)

    def until_closed(self):
        """All bytes the peer sends until it closes or resets."""
        data = b""
        try:
            while more := self.reader.some(1 << 18):
                data += more
        except wire.WireError:
            pass
        return data

    def is_open(self):
        """The peer has neither closed nor sent anything that was not asked for."""
        if self.reader.held:
            return False
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.setblocking(False)
            try:
                return self.sock.read(1) != b"" and False
            except ssl.SSLWantReadError:
                return True
            except OSError:
                return False
            finally:
                self.sock.settimeout(DEADLINE_S)
        poller = select.poll()  # select() knows no descriptor above 1023
        poller.register(self.sock, select.POLLIN)
        return not poller.poll(0)

    def wait_closed(self, deadline_s=DEADLINE_S):
        wait_until(lambda: not self.is_open(), "the peer to close the connection", deadline_s)


def get(port, target="/", **more):
    """One request on a connection of its own."""
    connection = {key: more.pop(key) for key in ("tls", "server_name", "timeout_s", "source")
                  if key in more}
    address = more.pop("address", "127.0.0.1")
    with Client(port, host=address, **connection) as client:
        return client.request(target, **more)


def served_certificate(port, server_name, host="127.0.0.1", context=None):
    """The leaf certificate (DER) that is served for a name."""
    with Client(port, host=host, tls=context or True, server_name=server_name) as client:
        return client.sock.getpeercert(True)
