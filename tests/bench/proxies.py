# SPDX-License-Identifier: ISC
"""The proxies side by side: a configuration of each for the same work, with one worker.

Each function writes its files into a directory and returns the command. Where a proxy's defaults differ in what the
work costs, all are told the same: TLS 1.2 and 1.3, one P-256 certificate, connections to the backend kept.
"""
import os
import pathlib
import shutil
from dataclasses import dataclass
from typing import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BIN_DIR", ROOT / "build" / "release"))
NGINX_STREAM = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")


@dataclass(frozen=True)
class Site:
    """What a configuration speaks of: ports of ours and of the backend, a certificate and its key."""
    https: int
    tunnel: int
    backend: int
    echo: int
    cert: pathlib.Path
    key: pathlib.Path


@dataclass(frozen=True)
class Proxy:
    program: str
    package: str
    configure: Callable
    cases: frozenset

    def does(self, case):
        return case in self.cases

    def missing(self):
        """Why it cannot run here; None: it can."""
        return None if shutil.which(self.program) else f"{self.program} is not installed (package {self.package})"


def nginx_text(directory, site, stream):
    """One text for nginx and tinyproxyd: what users bring."""
    return f"""daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    upstream backend {{ server 127.0.0.1:{site.backend}; keepalive 512; keepalive_requests 10000000; }}
    upstream echo {{ server 127.0.0.1:{site.echo}; }}
    server {{
        listen 127.0.0.1:{site.https} ssl http2 backlog=4096;
        server_name bench.example;
        ssl_certificate {site.cert}; ssl_certificate_key {site.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:bench:10m;
        location / {{
            proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
        }}
        location /plain/ {{
            proxy_pass http://127.0.0.1:{site.backend}/;
        }}
        location /echo {{
            proxy_pass http://echo; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
        }}
    }}
}}
{stream}
"""


def stream_text(site):
    return (f"stream {{ server {{ listen 127.0.0.1:{site.tunnel} backlog=4096;"
            f" proxy_pass 127.0.0.1:{site.backend}; }} }}")


def tinyproxyd(directory, site):
    path = directory / "tinyproxyd.conf"
    path.write_text(nginx_text(directory, site, stream_text(site)))
    return [BIN / "tinyproxyd", "-p", f"{directory}/", "-c", path, "-e", directory / "error"]


def nginx(directory, site):
    path = directory / "nginx.conf"
    stream = stream_text(site) if NGINX_STREAM.exists() else ""
    path.write_text(nginx_text(directory, site, stream))
    load = ["-g", f"load_module {NGINX_STREAM};"] if stream else []
    return ["nginx", "-p", f"{directory}/", "-c", path, "-e", directory / "error", *load]


def haproxy(directory, site):
    (directory / "pair.pem").write_bytes(site.cert.read_bytes() + site.key.read_bytes())
    path = directory / "haproxy.cfg"
    path.write_text(f"""global
    nbthread 1
    maxconn 4096
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
frontend tls
    bind 127.0.0.1:{site.https} ssl crt {directory}/pair.pem alpn h2,http/1.1 backlog 4096
    use_backend echo if {{ path /echo }}
    default_backend web
backend web
    http-reuse always
    server one 127.0.0.1:{site.backend}
backend echo
    server one 127.0.0.1:{site.echo}
listen tunnel
    mode tcp
    option splice-auto
    bind 127.0.0.1:{site.tunnel} backlog 4096
    server one 127.0.0.1:{site.backend}
""")
    return ["haproxy", "-f", path]


def hitch(directory, site):
    """Speaks no HTTP: passes on what was inside TLS, connection by connection. Its echo has a port of its own."""
    (directory / "pair.pem").write_bytes(site.cert.read_bytes() + site.key.read_bytes())
    path = directory / "hitch.conf"
    user = 'user = "nobody"' if os.geteuid() == 0 else ""
    path.write_text(f"""frontend = "[127.0.0.1]:{site.https}"
backend = "[127.0.0.1]:{site.backend}"
pem-file = "{directory}/pair.pem"
workers = 1
backlog = 4096
tls-protos = TLSv1.2 TLSv1.3
daemon = off
{user}
""")
    return ["hitch", "--config", path]


def h2o(directory, site):
    path = directory / "h2o.conf"
    path.write_text(f"""num-threads: 1
max-connections: 8192
error-log: {directory}/error
listen:
  host: 127.0.0.1
  port: {site.https}
  ssl:
    certificate-file: {site.cert}
    key-file: {site.key}
    minimum-version: TLSv1.2
ssl-session-resumption:
  mode: all
proxy.timeout.keepalive: 60000
proxy.preserve-host: ON
hosts:
  bench.example:
    paths:
      /:
        proxy.reverse.url: "http://127.0.0.1:{site.backend}/"
      /echo:
        proxy.reverse.url: "http://127.0.0.1:{site.echo}/echo"
        proxy.websocket: ON
""")
    return ["h2o", "-m", "worker", "-c", path]


def caddy(directory, site):
    path = directory / "Caddyfile"
    path.write_text(f"""{{
    auto_https off
    admin off
    servers {{
        protocols h1 h2
    }}
}}
https://bench.example:{site.https} {{
    bind 127.0.0.1
    tls {site.cert} {site.key}
    log {{
        output discard
    }}
    reverse_proxy /echo 127.0.0.1:{site.echo}
    reverse_proxy 127.0.0.1:{site.backend}
}}
""")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", path]


# What only their common language can say.
PLAIN = frozenset(("keepalive-plain", "http2-plain"))
HTTP = frozenset(("keepalive", "http2", "handshakes", "tickets-1.2", "tickets-1.3", "bulk", "websocket", "idle"))
TUNNEL = frozenset(("tunnel-bulk", "tunnel-connections"))

PROXIES = {
    "tinyproxyd": Proxy(str(BIN / "tinyproxyd"), "make VARIANT=release", tinyproxyd, HTTP | TUNNEL | PLAIN),
    "nginx": Proxy("nginx", "nginx", nginx, HTTP | TUNNEL | PLAIN),
    "haproxy": Proxy("haproxy", "haproxy", haproxy, HTTP | TUNNEL),
    "hitch": Proxy("hitch", "hitch", hitch, HTTP - {"http2", "websocket"}),
    "h2o": Proxy("h2o", "h2o", h2o, HTTP),
    "caddy": Proxy("caddy", "caddy", caddy, HTTP),
}
