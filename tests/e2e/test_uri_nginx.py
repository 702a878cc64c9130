# SPDX-License-Identifier: ISC
"""Targets become $uri and $args as in Debian's nginx: the same answers, byte for byte, to a list of
hard ones and to thousands put together at random (from one seed, so that a failure comes back)."""
import random

import pytest
from support.client import Client
from support.nginx import temp_paths

CONFIG = """
http {{{more}
    server {{
        listen 127.0.0.1:{port};
        merge_slashes {merge};
        keepalive_requests 100000;
        location / {{ return 200 "$uri|$args|$is_args|$request_uri|$document_uri"; }}
    }}
}}
"""
HARD = [
    "/", "//", "/.", "/..", "/./", "/../", "/a/.", "/a/..", "/a/../", "/a/../..", "/a/./b", "/a//b", "/a//../b",
    "//..", "/...", "/.a", "/..a", "/a..", "/a./b", "/%2e", "/%2e%2e", "/.%2e", "/%2E%2e/x", "/a%2f..", "/%2f",
    "/%2f%2f", "/a%2F%2e%2e%2Fb", "/%25", "/%2525", "/%252e", "/%23", "/%3f", "/%3Fa=b", "/%00", "/%", "/%4",
    "/%zz", "/%4z", "/%%41", "/%41", "/a+b", "/%2b", "/%20", "/%0d%0a", "/%7f", "/%ff", "/%c3%a9", "/a#b", "/a#b?c",
    "/a?b#c", "/a?#", "/#", "/?", "/??", "/?#", "/a?b?c", "/a?/../b", "/a?%00", "/a?%zz", "/a/%5c../b", "/a\\..\\b",
    "/a;b=c", "/a:b@c", "/a/b/c/d/../../../../e", "/a/b/../../../c", "/.well-known/acme-challenge/x",
]
PIECES = ["/", "/", "/", ".", ".", "..", "a", "b", "%2e", "%2E", "%2f", "%2F", "%25", "%23", "%3f", "?", "#", "+",
          "%2b", "%00", "%", "%4", "%zz", "%41", "%20", "%0a", "%ff", "&", "=", "\\", "../", "./", "//"]


def targets(count, seed=9112):
    chance = random.Random(seed)
    return HARD + ["/" + "".join(chance.choices(PIECES, k=chance.randint(1, 9))) for _ in range(count)]


class Asker:
    """One connection, opened again whenever the server has closed it."""

    def __init__(self, port):
        self.port, self.client = port, None

    def __call__(self, target):
        if self.client is None:
            self.client = Client(self.port)
        answer = self.client.request(target, host="a.example")
        if "close" in (answer.get("connection") or ""):
            self.client.close()
            self.client = None
        return answer.status, answer.body if answer.status == 200 else None


@pytest.mark.parametrize("merge", ["on", "off"])
def test_targets_become_what_nginx_makes_of_them(merge, tinyproxyd, start, free_port, tmp_path):
    ports = free_port(), free_port()
    tinyproxyd(CONFIG.format(port=ports[0], merge=merge, more=""))
    conf = tmp_path / "nginx.conf"
    conf.write_text(f"daemon off; master_process off; pid {tmp_path}/nginx.pid;\n"
                    f"error_log {tmp_path}/nginx.log; events {{ }}\n" +
                    CONFIG.format(port=ports[1], merge=merge, more=f" access_log off; {temp_paths(tmp_path)}"))
    nginx = start("nginx", ["nginx", "-p", tmp_path, "-c", conf])
    nginx.wait_for(lambda: (tmp_path / "nginx.pid").exists(), "nginx")
    ours, theirs = Asker(ports[0]), Asker(ports[1])
    wrong = [(target, got, expected) for target in targets(2000)
             if (got := ours(target)) != (expected := theirs(target))]
    assert not wrong, "\n".join(f"{target}: {got}, nginx {expected}" for target, got, expected in wrong[:40])
