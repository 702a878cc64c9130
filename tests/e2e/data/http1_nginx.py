# SPDX-License-Identifier: ISC
"""Where Debian's nginx (1.22) answers a row of http1_requests.py otherwise than we do, on purpose.

group: {what nginx answers: rows}; 0: no answer at all (it waits for more, or speaks HTTP/0.9).
"""
from .http1_requests import REFUSED


def _rows(group, prefix):
    return [row.name for row in REFUSED[group] if row.name.startswith(prefix)]


_NOTED = {
    # Control bytes in values are passed on by nginx, all but NUL.
    "control bytes": {200: [name for name in _rows("control bytes", "in a field value")
                            if not name.endswith("0x00")]},
    # A bare LF ends a line for nginx, and CRs at a line's end are overlooked.
    "line ends": {
        200: ["LF behind the request line", "LF behind a field", "LF behind the last field",
              "LF as the empty line", "LF everywhere", "LF before the request line",
              "CR before the request line", "CR CR LF behind a field"],
        0: ["LF in a value hides a framing field"],
    },
    # Blanks, HTTP/0.9 and long version numbers are accepted by nginx.
    "request line": {
        0: ["HTTP/0.9", "HTTP/0.9 with a blank", "HTTP/0.9 with fields",
              "no blank before the version"],
        200: ["two blanks behind the method", "two blanks behind the target",
              "blank behind the version", "two-digit minor", "padded minor"],
        505: ["two-digit major"],
        400: ["HTTP/2 preface", "CONNECT"],
    },
    # nginx passes bytes above 0x7f on, takes any scheme, and does not compare authority and Host.
    "target": {
        200: ["raw UTF-8 in the path", "raw UTF-8 in the query", "raw byte 0x80", "raw byte 0xff",
              "raw 0x85, a line end to some", "ftp", "absolute with a huge port",
              "absolute for another host", "absolute for a longer host",
              "absolute for another port", "absolute for the other scheme's port"],
        0: ["raw 0xa0, a blank to some"],
    },
    # nginx looks for little more than blanks, slashes and double dots.
    "host": {
        200: ["dropped spelling beside the real one", "list without a blank", "user", "query",
              "fragment", "backslash", "escape", "quotes", "angle brackets", "raw UTF-8",
              "dot first", "port of letters", "signed port", "huge port", "port that overflows",
              "two ports", "bracket not closed", "brackets around nothing",
              "brackets around a name", "brackets and more", "zone"],
        400: ["blanks around"],
    },
    # Odd names are dropped by nginx whatever they resemble.
    "content length": {
        200: ["underscore in the name", "underscore beside the real one", "dot in the name",
              "quotes around the name", "byte above 0x7f in the name"],
    },
    # What we call malformed is "not implemented" to nginx.
    "transfer encoding": {
        501: [*(name for name in _rows("transfer encoding", "value ") if "\\x00" not in name),
              "empty", "identity on GET"],
        200: ["underscore in the name", "underscore beside Content-Length", "dot in the name",
              "byte above 0x7f in the name", "parenthesis in the name"],
    },
    "fields": {
        200: ["no colon", "underscore before Connection", "dot in Connection"],
    },
    "chunk sizes": {
        200: ["blank behind", "tab behind", "blank inside", "16 digits", "LF behind",
              "last chunk of LFs"],
        413: ["2^32 + 5 padded"],
    },
    # nginx looks for the LF and nothing else.
    "chunk extensions": {
        200: ["no name", "no name but a value", "two semicolons", "LF", "NUL", "control byte",
              "DEL", "on the last chunk, LF", "5 KiB of it", "hundreds of them"],
        0: ["LF hides a chunk"],
    },
    "chunk data": {
        200: ["shorter than its size", "LF behind"],
    },
    # nginx drops trailers unread.
    "trailers": {
        200: [name for name in _rows("trailers", "")
              if name not in ("CR inside", "CR CR LF for the empty line")],
    },
    "limits": {
        400: ["9 KiB of text without a line end"],
    },
    # Tabs are no blanks to nginx.
    "bodies": {
        400: ["length, blanks around"],
        501: ["chunked, blanks around"],
    },
}

DIFFERS = {group: {name: status for status, names in by_status.items() for name in names}
           for group, by_status in _NOTED.items()}
