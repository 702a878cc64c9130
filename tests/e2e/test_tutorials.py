# SPDX-License-Identifier: ISC
"""Configurations of tutorials that people follow, as they stand but for ports, paths and typos.

Each runs with the files it names made by our own tools, with real backends and real clients.
"""
import ssl

import pytest
from support.certs import file_fingerprint, fingerprint
from support.client import Client, get, served_certificate, tls_context
from support.tcp_server import TcpServer, tls
from support.upgrade import UpgradeBackend


@pytest.fixture
def place(tmp_path, tool):
    """A directory with a self-signed pair and DH parameters, made as the tutorials make them."""
    tmp_path.chmod(0o755)
    tool("mkcert-selfsigned", "req", "-x509", "-nodes", "-days", "365", "-newkey", "rsa:2048",
         "-keyout", tmp_path / "selfsigned.key", "-out", tmp_path / "selfsigned.crt",
         "-subj", "/C=DE/O=Example/CN=ui.example", check=0)
    tool("dhparam", "-out", tmp_path / "dhparam.pem", "2048", check=0)
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "404.html").write_text("not here\n")
    (tmp_path / "html" / "50x.html").write_text("out of order\n")
    return tmp_path


def test_front_of_a_node_ui(tinyproxyd, place, free_port, backend):
    """(a): self-signed, dhparam, error pages, the whole proxy block, conf.d and default.d, 80 to 443."""
    plain, secure, dead = free_port(), free_port(), free_port()
    for directory in ("conf.d", "default.d"):
        (place / directory).mkdir()
    (place / "conf.d" / "ui.conf").write_text(f"""
server {{
    listen 127.0.0.1:{plain} default_server;
    server_name _;
    return 301 https://$host$request_uri;
}}
server {{
    listen 127.0.0.1:{secure} ssl http2;
    server_name ui.example;
    ssl_certificate {place}/selfsigned.crt;
    ssl_certificate_key {place}/selfsigned.key;
    ssl_dhparam {place}/dhparam.pem;
    root {place}/html;
    include {place}/default.d/*.conf;
    error_page 404 /404.html;
        location = /40x.html {{
    }}
    error_page 500 502 503 504 /50x.html;
        location = /50x.html {{
    }}
}}
""")
    (place / "default.d" / "red.conf").write_text(f"""
location / {{
    proxy_pass http://127.0.0.1:{backend.port};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    proxy_cache off;
    proxy_cache_revalidate on;
    proxy_cache_min_uses 1;
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
location /dead/ {{ proxy_pass http://127.0.0.1:{dead}/; }}
""")
    proxy = tinyproxyd(f"""worker_processes auto;
http {{
    log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                    '"$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
    access_log {place}/access.log main;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_timeout 65;
    types_hash_max_size 2048;
    default_type application/octet-stream;
    include {place}/conf.d/*.conf;
}}""")
    moved = get(plain, "/flows?x=1", host="ui.example")
    assert (moved.status, moved.get("Location")) == (301, "https://ui.example/flows?x=1")
    assert get(secure, "/red", tls=True, server_name="ui.example", host="ui.example").status == 200
    assert backend.last.get("Host") == "ui.example" and backend.last.get("X-Forwarded-Proto") == "https"
    assert fingerprint(served_certificate(secure, "ui.example")) == file_fingerprint(place / "selfsigned.crt")
    gone = get(secure, "/dead/x", tls=True, server_name="ui.example", host="ui.example")
    assert (gone.status, gone.body) == (502, b"out of order\n")
    proxy.forget_errors()


def test_webroot_and_snippets(tinyproxyd, place, free_port, make_backend):
    """(b): .well-known by an expression, snippets for TLS, two services below one name."""
    plain, secure = free_port(), free_port()
    first, second = make_backend("first"), make_backend("second")
    (place / "snippets").mkdir()
    (place / "snippets" / "pair.conf").write_text(
        f"ssl_certificate {place}/selfsigned.crt;\nssl_certificate_key {place}/selfsigned.key;\n")
    (place / "snippets" / "ssl-params.conf").write_text(f"""
ssl_protocols TLSv1.2 TLSv1.3;
ssl_prefer_server_ciphers on;
ssl_ciphers "EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH";
ssl_ecdh_curve secp384r1;
ssl_session_cache shared:SSL:10m;
ssl_session_tickets off;
ssl_stapling on;
ssl_stapling_verify on;
resolver 127.0.0.1 valid=300s;
resolver_timeout 5s;
add_header X-Frame-Options DENY;
add_header X-Content-Type-Options nosniff;
ssl_dhparam {place}/dhparam.pem;
""")
    tokens = place / "html" / ".well-known" / "acme-challenge"
    tokens.mkdir(parents=True)
    (tokens / "token").write_text("token.thumbprint")
    tinyproxyd(f"""http {{
    server {{
        listen 127.0.0.1:{plain} default_server;
        server_name app.example;
        location ~ /.well-known {{ root {place}/html; allow all; }}
        location / {{ return 301 https://$server_name$request_uri; }}
    }}
    server {{
        listen 127.0.0.1:{secure} ssl default_server;
        server_name app.example;
        include {place}/snippets/pair.conf;
        include {place}/snippets/ssl-params.conf;
        location / {{
            proxy_pass http://127.0.0.1:{first.port};
            proxy_set_header Host $host;
        }}
        location /newservice/ {{
            rewrite ^/newservice/(.*)$ /$1 break;
            proxy_pass http://127.0.0.1:{second.port};
        }}
    }}
}}""")
    assert get(plain, "/.well-known/acme-challenge/token", host="app.example").body == b"token.thumbprint"
    assert get(plain, "/x", host="other.example").get("Location") == "https://app.example/x"
    context = tls_context()
    answer = get(secure, "/a", tls=context, server_name="app.example", host="app.example")
    assert (answer.get("X-Frame-Options"), answer.get("X-Content-Type-Options")) == ("DENY", "nosniff")
    assert first.last.start_line == "GET /a HTTP/1.1"
    get(secure, "/newservice/b?c=d", tls=context, server_name="app.example", host="app.example")
    assert second.last.start_line == "GET /b?c=d HTTP/1.1"
    old = tls_context(maximum=ssl.TLSVersion.TLSv1_2)
    with Client(secure, tls=old, server_name="app.example") as client:
        assert client.sock.cipher()[0].startswith("ECDHE-RSA-AES")


@pytest.mark.parametrize("old_spelling", [False, True])
def test_websockets_behind_tls(tinyproxyd, place, free_port, old_spelling):
    """(c): the map idiom, an upstream with several servers, a port of its own, "ssl on"."""
    port = free_port()
    servers = [UpgradeBackend(), UpgradeBackend()]
    lines = f"listen 127.0.0.1:{port}; ssl on;" if old_spelling else f"listen 127.0.0.1:{port} ssl;"
    tinyproxyd(f"""http {{
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    upstream websocket {{ {" ".join(f"server 127.0.0.1:{server.port};" for server in servers)} }}
    server {{
        {lines}
        server_name ws.example;
        ssl_certificate {place}/selfsigned.crt;
        ssl_certificate_key {place}/selfsigned.key;
        location / {{
            proxy_pass http://websocket;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $host;
        }}
    }}
}}""")
    for _ in range(4):
        with Client(port, tls=True, server_name="ws.example") as client:
            answer = client.request("/echo", host="ws.example",
                                    headers=(("Connection", "Upgrade"), ("Upgrade", "websocket")))
            assert answer.status == 101
            client.send(b"hello" * 1000)
            got = b""
            while len(got) < 5000:
                got += client.reader.some(5000 - len(got))
            assert got == b"hello" * 1000
    assert [len(server.heads) for server in servers] == [2, 2]
    for server in servers:
        server.stop()


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
