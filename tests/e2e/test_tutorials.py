# SPDX-License-Identifier: ISC
"""Configurations of tutorials that people follow, as they stand but for ports, paths and typos.

Each runs with the files it names made by our own tools or by certbot, with real backends (node, python3) and
real clients (curl, Chromium, python3-websockets).
"""
import asyncio
import pathlib
import ssl
import sys

import pytest
import websockets

from support.browser import open_page
from support.certbot import Certbot
from support.certs import file_fingerprint, fingerprint, load_certificates
from support.client import Client, get, served_certificate, tls_context
from support.ocsp_responder import Responder
from support.process import run
from support.tcp_server import TcpServer, tls
from support.tutorial import SSL_PARAMS
from support.wait import DEADLINE_S, wait_until

DATA = pathlib.Path(__file__).parent / "data"


@pytest.fixture
def place(tmp_path, tool):
    """A directory with a self-signed pair and DH parameters, made as the tutorials make them."""
    tool("mkcert-selfsigned", "req", "-x509", "-nodes", "-days", "365", "-newkey", "rsa:2048",
         "-keyout", tmp_path / "selfsigned.key", "-out", tmp_path / "selfsigned.crt",
         "-subj", "/C=DE/O=Example/CN=ui.example", check=0)
    tool("dhparam", "-out", tmp_path / "dhparam.pem", "2048", check=0)
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "404.html").write_text("not here\n")
    (tmp_path / "html" / "50x.html").write_text("out of order\n")
    return tmp_path


@pytest.fixture
def files(start, free_port, tmp_path):
    """files(name) → the port of a python3 -m http.server whose page says the name."""
    def make(name):
        port, directory = free_port(), tmp_path / name
        directory.mkdir()
        (directory / "index.html").write_text(f"<h1>{name}</h1>\n")
        start(name, [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", directory]
              ).wait_for_port(port)
        return port
    return make


class Curl:
    """curl of the URLs of the tutorial; every connection goes to the ports of the test."""

    def __init__(self, plain, secure, ca):
        self.common = ["curl", "-sS", "-m", DEADLINE_S, "--noproxy", "*", "--cacert", ca,
                       "--connect-to", f":80:127.0.0.1:{plain}", "--connect-to", f":443:127.0.0.1:{secure}"]

    def __call__(self, *arguments, check=0):
        return run([*self.common, *arguments], check=check).out.replace("\r\n", "\n")


# ---- (a) ------------------------------------------------------------------------------------------------

def test_front_of_a_node_ui(tinyproxyd, place, free_port, start):
    """Self-signed, dhparam, static root and error pages, the whole proxy block, conf.d and default.d, 80 to 443."""
    plain, secure, app = free_port(), free_port(), free_port()
    ui = start("node", ["node", DATA / "ui.js", app])
    ui.wait_for_port(app)
    for directory in ("conf.d", "default.d", "modules"):
        (place / directory).mkdir()
    (place / "conf.d" / "upgrade.conf").write_text("client_header_timeout 30;\n")
    (place / "default.d" / "manual.conf").write_text("location /manual/ {\n}\n")
    (place / "html" / "manual").mkdir()
    (place / "html" / "manual" / "index.html").write_text("read me\n")
    proxy = tinyproxyd(f"""
worker_processes auto;
include {place}/modules/*.conf;
events {{
    worker_connections 1024;
}}
http {{
    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';
    access_log  {place}/access.log  main;

    sendfile            on;
    tcp_nopush          on;
    tcp_nodelay         on;
    keepalive_timeout   65;
    types_hash_max_size 2048;

    include             /etc/nginx/mime.types;
    default_type        application/octet-stream;
    include {place}/conf.d/*.conf;

    server {{
        listen       {plain} default_server;
        listen       [::]:{plain} default_server;
        server_name  _;
        return 301 https://$host$request_uri;
    }}

    server {{
        listen       {secure} ssl http2 default_server;
        listen       [::]:{secure} ssl http2 default_server;
        server_name  ui.example;
        root         {place}/html;

        ssl_certificate "{place}/selfsigned.crt";
        ssl_certificate_key "{place}/selfsigned.key";
        ssl_dhparam "{place}/dhparam.pem";
        ssl_session_cache shared:SSL:1m;
        ssl_session_timeout  10m;
        ssl_ciphers HIGH:!aNULL:!MD5;
        ssl_prefer_server_ciphers on;

        include {place}/default.d/*.conf;

        location / {{
            proxy_pass http://127.0.0.1:{app};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_pass_request_headers on;
            proxy_redirect off;
            proxy_buffering on;
            proxy_cache off;
            proxy_cache_revalidate on;
            proxy_cache_min_uses 1;
            proxy_cache_valid 200 302 10m;
            proxy_cache_use_stale error timeout;
            proxy_no_cache 1;
            proxy_connect_timeout 90;
            proxy_send_timeout 90;
            proxy_read_timeout 90;
            proxy_buffer_size 8k;
            proxy_buffers 4 32k;
            proxy_busy_buffers_size 64k;
            proxy_temp_file_write_size 64k;
            client_max_body_size 10m;
            client_body_buffer_size 128k;
        }}

        error_page 404 /404.html;
            location = /404.html {{
        }}

        error_page 500 502 503 504 /50x.html;
            location = /50x.html {{
        }}
    }}
}}
""")
    curl = Curl(plain, secure, place / "selfsigned.crt")
    assert curl("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "http://ui.example/flows?x=1") == \
        "301 https://ui.example/flows?x=1"
    # The certificate has the name and is trusted by itself: nothing is waved through.
    assert "<title>flows" in curl("-L", "http://ui.example/flows?x=1")
    seen = ui.wait_for_line(r'^GET /flows\?x=1 (.*)$')[1]
    for field in ('"host":"ui.example"', '"x-real-ip":"127.0.0.1"', '"x-forwarded-for":"127.0.0.1"',
                  '"x-forwarded-proto":"https"', '"connection":"upgrade"'):
        assert field in seen
    (place / "upload").write_bytes(b"x" * 3_000_000)
    for version in ("--http1.1", "--http2"):
        assert curl(version, "--data-binary", f"@{place}/upload", "https://ui.example/upload") == "got 3000000"
    assert curl("https://ui.example/manual/") == "read me\n"
    assert curl("-w", "%{http_code}", "https://ui.example/manual/missing") == "not here\n404"
    assert fingerprint(served_certificate(secure, "ui.example")) == file_fingerprint(place / "selfsigned.crt")
    dhe = ["openssl", "s_client", "-connect", f"127.0.0.1:{secure}", "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"]
    assert "Server Temp Key: DH, 2048 bits" in run(dhe, stdin="").out

    browser = open_page(start, place, "http://ui.example/flows",
                        {"ui.example:80": plain, "ui.example:443": secure})
    ui.wait_for_line("^message hello from the page$", deadline_s=DEADLINE_S * 4)
    ui.wait_for_line("^message the page heard: you said hello from the page$")
    assert '"origin":"https://ui.example"' in ui.wait_for_line("^upgrade /comms (.*)$")[1]
    browser.stop()
    ui.stop()
    assert curl("-w", "%{http_code}", "https://ui.example/flows") == "out of order\n502"
    known = "connect() failed", "is buffered to a temporary file", "manual/missing", "favicon.ico", "upstream"
    assert not [line for line in proxy.errors() if not any(words in line for words in known)]
    assert '"GET /flows?x=1 HTTP/2.0" 200' in (place / "access.log").read_text()


# ---- (b) ------------------------------------------------------------------------------------------------

def test_certbot_with_a_webroot(tinyproxyd, place, free_port, make_pebble, files, start, tool):
    """.well-known by an expression, certbot, snippets, two services below one name, renewal by cron with a hook; what is
    stapled comes from acme-renew, on certbot's store."""
    plain, secure, first = free_port(), free_port(), free_port()
    start("node", ["node", DATA / "ui.js", first]).wait_for_port(first)
    second = files("newservice")
    responder = Responder(start, place, free_port())
    pebble = make_pebble(http_port=plain, nonce_reject=0, validity_s=20 * 86400, ocsp=responder.url)
    certbot = Certbot(place / "certbot", pebble, config_dir=place / "letsencrypt")
    live = certbot.config_dir / "live" / "app.example"
    before = f"""
    server {{
        listen {plain} default_server;
        listen [::]:{plain} default_server;
        server_name app.example;
        location ~ /.well-known {{
            root {place}/html;
            allow all;
        }}
        location / {{
            return 301 https://$server_name$request_uri;
        }}
    }}"""
    proxy = tinyproxyd("http {" + before + "}")
    certbot.certonly(place / "html", "app.example")
    responder.start(*pebble.intermediate(), load_certificates(live / "fullchain.pem")[0])
    tool("acme-renew", "-q", "--config-dir", certbot.config_dir, "--ca-file", pebble.ca_file, "--reload", "none",
         env={"no_proxy": "*"}, check=0)
    (place / "snippets").mkdir()
    (place / "snippets" / "ssl-app.example.conf").write_text(
        f"ssl_certificate {live}/fullchain.pem;\nssl_certificate_key {live}/privkey.pem;\n")
    (place / "snippets" / "ssl-params.conf").write_text(SSL_PARAMS.replace("@DIR@", str(place)))
    proxy.write("http {" + before + f"""
    server {{
        listen {secure} ssl http2 default_server;
        listen [::]:{secure} ssl http2 default_server;
        server_name app.example;
        include snippets/ssl-app.example.conf;
        include snippets/ssl-params.conf;

        location / {{
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_pass http://localhost:{first};
            proxy_read_timeout 90;
            proxy_redirect http://localhost:{first} https://app.example;
        }}
        location /newservice/ {{
            rewrite ^/newservice/(.*)$ /$1 break;
            proxy_pass http://127.0.0.1:{second};
            proxy_redirect / /newservice/;
        }}
        location ~ /.well-known {{
            root {place}/html;
            allow all;
        }}
    }}
}}""".replace("snippets/", f"{place}/snippets/"))
    assert "test is successful" in proxy.run("-t", check=0).err
    proxy.reload()
    curl = Curl(plain, secure, pebble.root())
    assert curl("-o", "/dev/null", "-w", "%{redirect_url}", "http://other.example/x") == "https://app.example/x"
    assert "<title>flows" in curl("https://app.example/")
    assert curl("https://app.example/newservice/index.html?x=y") == "<h1>newservice</h1>\n"
    # Where the services redirect to is rewritten: by the one that knows its own address only, and by python's for a
    # directory without its slash.
    (place / "newservice" / "below").mkdir()
    assert "location: https://app.example/new\n" in curl("-I", "https://app.example/old").lower()
    assert f"location: https://app.example:{secure}/newservice/below/\n" in curl("-I", "https://app.example/newservice/below").lower()
    fields = curl("-I", "https://app.example/").lower()
    for line in ("x-frame-options: deny", "x-content-type-options: nosniff",
                 "strict-transport-security: max-age=63072000; includesubdomains"):
        assert line in fields
    # The snippets' TLS: one curve, sessions by ID, AEAD first, tickets off.
    said = run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure}", "-servername", "app.example", "-tls1_2", "-status"],
               stdin="").out
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said
    assert not proxy.errors()
    assert "Server Temp Key: ECDH, secp384r1" in said and "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in said
    assert "TLS session ticket:" not in said and "Session-ID: \n" not in said

    # The cron line, as cron runs it.
    shown = fingerprint(served_certificate(secure, "app.example"))
    words = " ".join(str(word) for word in (*certbot.common, "--server", pebble.directory_url))
    cron = f'30 2 * * * certbot renew {words} --quiet --renew-hook "kill -HUP `cat {proxy.pid_file}`" >> {place}/le-renew.log'
    run(["/bin/sh", "-c", cron.split(" ", 5)[5]], deadline_s=DEADLINE_S * 6, check=0,
        env={"REQUESTS_CA_BUNDLE": str(pebble.ca_file), "no_proxy": "*"})
    renewed = file_fingerprint(live / "fullchain.pem")
    assert renewed != shown
    wait_until(lambda: fingerprint(served_certificate(secure, "app.example")) == renewed, "the renewed certificate")
    assert curl("https://app.example/newservice/") == "<h1>newservice</h1>\n"


def test_both_ports_in_one_server(tinyproxyd, place, free_port, files):
    """The alternative that serves both alike."""
    plain, secure, service = free_port(), free_port(), files("service")
    tinyproxyd(f"""http {{
    server {{
        listen {plain} default_server;
        listen [::]:{plain} default_server;
        listen {secure} ssl http2 default_server;
        listen [::]:{secure} ssl http2 default_server;
        server_name ui.example;
        ssl_certificate {place}/selfsigned.crt;
        ssl_certificate_key {place}/selfsigned.key;
        location / {{
            proxy_pass http://localhost:{service};
            add_header X-Scheme $scheme;
        }}
    }}
}}""")
    curl = Curl(plain, secure, place / "selfsigned.crt")
    for scheme in ("http", "https"):
        said = curl("-i", f"{scheme}://ui.example/").lower()
        assert f"x-scheme: {scheme}\n" in said and said.endswith("<h1>service</h1>\n")


# ---- (c) ------------------------------------------------------------------------------------------------

CHAT_PAGE = """<script>
const ws = new WebSocket("wss://ws.example:@PORT@/chat");
ws.onopen = () => ws.send("hello from the page");
ws.onmessage = m => ws.send("the page heard: " + m.data);
</script>"""


@pytest.mark.parametrize("upstream, old_spelling", [("http", False), ("http", True), ("https", False)])
def test_websockets_behind_tls(tinyproxyd, place, free_port, start, upstream, old_spelling):
    """The map idiom, an upstream with several servers, a port of its own, "ssl on", to ws and to wss servers."""
    port, pair = free_port(), (place / "selfsigned.crt", place / "selfsigned.key")
    backends = {name: free_port() for name in ("one", "two")}
    servers = [start(name, [sys.executable, DATA / "chat.py", name, at, *(pair if upstream == "https" else ())])
               for name, at in backends.items()]
    for server, at in zip(servers, backends.values()):
        server.wait_for_port(at)
    tinyproxyd(f"""http {{
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        '' close;
    }}

    upstream websocket {{
        {" ".join(f"server 127.0.0.1:{at};" for at in backends.values())}
    }}

    server {{
        {f"listen {port}; ssl on;" if old_spelling else f"listen {port} ssl;"}
        server_name ws.example;
        ssl_certificate {pair[0]};
        ssl_certificate_key {pair[1]};
        location / {{
            proxy_pass {upstream}://websocket;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $host;
        }}
    }}
}}""")

    async def chat(turn):
        async with websockets.connect(f"wss://ws.example:{port}/chat", ssl=tls_context(), host="127.0.0.1", port=port,
                                      max_size=None) as socket:
            answers = []
            for message in (f"{turn}", "y" * 70000, "z" * 300):
                await socket.send(message)
                answers.append(await socket.recv())
            return answers
    answers = [asyncio.run(chat(turn)) for turn in range(4)]
    assert sorted(first for first, _, _ in answers) == ["one: 0", "one: 2", "two: 1", "two: 3"]
    assert {len(second) for _, second, _ in answers} == {70005}
    for server in servers:
        server.wait_for_line(r"^\S+ y{80}$")
    # What is no WebSocket is refused by the chat servers, not by us, and gets "Connection: close".
    said = run(["curl", "-sSk", "-m", DEADLINE_S, "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}",
                f"https://127.0.0.1:{port}/chat"], check=0).out
    assert said == "426"
    (place / "chat.html").write_text(CHAT_PAGE.replace("@PORT@", str(port)))
    open_page(start, place, f"file://{place}/chat.html", {f"ws.example:{port}": port})
    wait_until(lambda: any("ws.example the page heard: " in server.output() for server in servers),
               "the page to hear", DEADLINE_S * 4)


# ---- a name that keeps its own TLS ----------------------------------------------------------------------

def test_passthrough(tinyproxyd, place, free_port, backend, certs):
    """One name keeps its own certificate; the rest goes to the local server, by a hop and by pass."""
    front, plain, local = free_port(), free_port(), free_port()
    inner = certs.issue("mail.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(inner.fullchain, inner.key)
    service = TcpServer(tls(context, lambda sock: sock.sendall(b"mail for " + sock.recv(100))))
    for way in ("proxy_pass $name;", ""), ("proxy_pass mail;", f"pass 127.0.0.1:{local};"):
        by_pass = way[1].startswith("pass")
        servers = f"server {{ listen 127.0.0.1:{front}; ssl_preread on; {way[0]} }}" if not by_pass else f"""
    server {{ listen 127.0.0.1:{front}; ssl_preread on; server_name mail.example; {way[0]} }}
    server {{ listen 127.0.0.1:{front} default_server; ssl_preread on; {way[1]} }}"""
        text = f"""
stream {{
    map $ssl_preread_server_name $name {{
        mail.example mail;
        default https_default_backend;
    }}
    upstream mail {{ server 127.0.0.1:{service.port}; }}
    upstream https_default_backend {{ server 127.0.0.1:{local}; }}
    {servers}
}}
http {{
    server {{
        listen 127.0.0.1:{local} ssl;
        server_name www.example;
        ssl_certificate {place}/selfsigned.crt;
        ssl_certificate_key {place}/selfsigned.key;
        location / {{ return 200 "$remote_addr $remote_port"; }}
    }}
    server {{
        listen 127.0.0.1:{plain};
        server_name mail.example;
        location /.well-known/ {{ proxy_pass http://127.0.0.1:{backend.port}; proxy_set_header Host $host; }}
        location / {{ return 301 https://$host$request_uri; }}
    }}
}}"""
        proxy = tinyproxyd(text)
        with Client(front, tls=tls_context(certs.ca), server_name="mail.example") as client:
            client.send(b"you")
            assert client.until_closed() == b"mail for you"
        with Client(front, tls=True, server_name="www.example") as client:
            seen = client.request("/", host="www.example").body.decode().split()
            assert seen[0] == "127.0.0.1" and (int(seen[1]) == client.source_port) == by_pass
        get(plain, "/.well-known/x", host="mail.example")
        assert backend.last.get("Host") == "mail.example"
        proxy.stop()
    service.stop()
