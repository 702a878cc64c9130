# SPDX-License-Identifier: ISC
"""The real nginx as the reference: the same http block through both, the same bytes out of both.

    ours, nginx = side_by_side("server { listen 127.0.0.1:@PORT@; ... }")
    assert_same(ours, nginx, [Row("GET /x"), ...])

What differs on purpose is taken out by normal(): the signature in Server and in built-in pages (and
the Content-Length that follows from it), Date, and the port each listens on.
"""
import collections
import difflib
import pathlib
import re

import pytest

from .client import Client
from .wait import DEADLINE_S

NGINX = "/usr/sbin/nginx"

MAIN = """daemon off;
pid @DIR@/nginx.pid;
error_log @DIR@/error.log info;
worker_processes 1;
events { }
http {
    @PATHS@
    @LOG@
"""

SIGNATURE = re.compile(rb"(?:tinyproxyd|nginx)(?:/[0-9.]+)?")

# A request: its first line without the version, its fields, its body; or raw bytes.
Row = collections.namedtuple("Row", "line fields body raw", defaults=((), b"", None))


def temp_paths(directory):
    """For its http block: where it otherwise makes directories at its first start, only root may write."""
    return " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


class Nginx:
    def __init__(self, directory, start, http, port):
        self.directory, self.port = pathlib.Path(directory), port
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.access_log = self.directory / "access.log"
        self.error_log = self.directory / "error.log"
        log = "" if "access_log" in http else f"access_log {self.access_log};"
        text = (MAIN + http + "\n}\n").replace("@LOG@", log).replace("@PATHS@", temp_paths(self.directory))
        config = self.directory / "nginx.conf"
        config.write_text(text.replace("@PORT@", str(port)).replace("@DIR@", str(self.directory)))
        self.process = start("nginx", [NGINX, "-p", self.directory, "-c", config, "-e", self.error_log],
                             logs=[self.error_log])
        self.process.wait_for_port(port)


@pytest.fixture
def side_by_side(tinyproxyd, start, free_port, tmp_path):
    """side_by_side(http) → (Tinyproxyd, Nginx), each with .port, .directory, .access_log, .error_log.

    In the http block @PORT@ is each one's port and @DIR@ each one's directory.
    """
    def make(http):
        port = free_port()
        ours = tinyproxyd("http { }", started=False)
        ours.write("http {\n" + http.replace("@PORT@", str(port)).replace("@DIR@", str(ours.directory))
                   + "\n}")
        ours.start()
        ours.port = port
        return ours, Nginx(tmp_path / "nginx", start, http, free_port())
    return make


def raw_bytes(row, host="a.example"):
    """A row on the wire; the connection is closed after it unless its fields say otherwise."""
    if row.raw is not None:
        return row.raw
    fields = [f"Host: {host}"] if host and not any(f.lower().startswith("host:") for f in row.fields) else []
    fields += row.fields
    if not any(f.lower().startswith("connection:") for f in fields):
        fields.append("Connection: close")
    if row.body:
        fields.append(f"Content-Length: {len(row.body)}")
    return "\r\n".join([row.line + " HTTP/1.1", *fields, "", ""]).encode("latin-1") + row.body


def answer(port, data, deadline_s=DEADLINE_S):
    """All bytes that come for these, to the end of the connection."""
    with Client(port, timeout_s=deadline_s) as client:
        client.send(data)
        return client.until_closed()


def normal(data, port):
    """An answer without what differs on purpose."""
    head, gap, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    signed = SIGNATURE.search(body) if body.startswith(b"<html>") else None
    if signed:
        body = SIGNATURE.sub(b"SIGNATURE", body)
        head = re.sub(rb"(\r\nContent-Length: )\d+", rb"\g<1>PAGE", head)
    elif length and not body and b"Content-Type: text/html" in head and not head.startswith(b"HTTP/1.1 2"):
        head = re.sub(rb"(\r\nContent-Length: )\d+", rb"\g<1>PAGE", head)
    head = re.sub(rb"\r\nServer: [^\r]*", b"\r\nServer: SIGNATURE", head)
    head = re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: DATE", head)
    boundary = re.search(rb"boundary=(\d{20})", head)
    whole = head + gap + body
    if boundary:
        whole = whole.replace(boundary[1], b"BOUNDARY")
    return whole.replace(b":%d" % port, b":PORT")


def difference(theirs, mine):
    """The lines that one has and the other has not."""
    return "".join(f"  {line!r}\n" for line in difflib.ndiff(
        theirs.decode("latin-1").splitlines(), mine.decode("latin-1").splitlines()) if line[0] in "-+")


def assert_same(ours, nginx, rows, host="a.example"):
    """Each row gets the same answer from both; of each that does not, the lines that differ are shown."""
    different = []
    for row in rows:
        data = raw_bytes(row, host)
        mine, theirs = (normal(answer(s.port, data), s.port) for s in (ours, nginx))
        if mine != theirs:
            different.append(f"{data[:300]!r}\n{difference(theirs, mine)}")
    assert not different, \
        f"{len(different)} of {len(rows)} differ (- nginx, + ours):\n" + "\n".join(different)
