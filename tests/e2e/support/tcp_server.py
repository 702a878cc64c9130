# SPDX-License-Identifier: ISC
"""A TCP server that does to each connection what a function says, in a thread of its own."""
import socket
import threading


class TcpServer:
    """serve(sock) is called for each connection; .accepted counts them."""

    def __init__(self, serve, host="127.0.0.1", path=None, port=0):
        self.accepted = 0
        self._serve = serve
        self._open = set()
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(128)
            self.port = None
        else:
            self.listener = socket.create_server((host, port), backlog=512)
            self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.add(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            self._serve(sock)
        except OSError:
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def stop(self):
        for sock in (self.listener, *list(self._open)):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()


def echo(sock):
    """Send back what comes, until it ends; then end too."""
    while data := sock.recv(1 << 16):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def tls(context, serve):
    """serve() on what is inside TLS."""
    def run(sock):
        with context.wrap_socket(sock, server_side=True) as inside:
            serve(inside)
    return run
