# SPDX-License-Identifier: ISC
"""Variables, side by side with nginx: in a response's body, and as a proxied request's fields."""
import re

from support.client import Client, get
from support.nginx import Row, assert_same, side_by_side  # noqa: F401

NAMES = """args query_string is_args uri document_uri request_uri request request_method host server_name
    server_protocol scheme https remote_addr server_addr document_root request_filename content_length
    content_type http_user_agent http_host http_x_y http_x_multi http_cookie http_authorization http_accept
    arg_a arg_B arg_long_name arg_empty arg_a_b cookie_a cookie_B cookie_empty cookie_last cookie_x
    proxy_add_x_forwarded_for remote_user status request_length connection_requests
    request_completion http_x_forwarded_for http_referer body_bytes_sent limit_none
    sent_http_x proxy_host proxy_port upstream_addr upstream_status upstream_cache_status ssl_protocol ssl_cipher
    ssl_server_name ssl_session_reused""".replace("limit_none", "").split()

# nginx 1.22 joins the fields of no other names: several of one come as the first alone there.
REQUESTS = [
    Row("GET /"), Row("GET /?"), Row("GET /?a=1"), Row("GET /?a=1&a=2"), Row("GET /x%20y/%c3%bc?a=%20b+c"),
    Row("GET /?A=1&b=2"), Row("GET /?xa=1&a=2"), Row("GET /?a&b="), Row("GET /?a=&B==x&long_name=y?z"),
    Row("GET /?empty=&a-b=1&a_b=2"), Row("GET /?&&a=1&"), Row("GET //a///b/../c/./d"),
    Row("HEAD /"), Row("POST /", body=b"12345"), Row("DELETE /x"), Row("GET /", ["User-Agent: curl/8 (x; y)"]),
    Row("GET /", ["X-Y: 1"]), Row("GET /", ["X-Y:"]), Row("GET /", ["x-y:   blanks  "]),
    Row("GET /", ["Content-Type: a/b; c=d"]), Row("GET /", ["Accept: \xe4\xf6"]),
    Row("GET /", ["X-Forwarded-For: 1.2.3.4"]), Row("GET /", ["X-Forwarded-For: 1.2.3.4, 5.6.7.8"]),
    Row("GET /", ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8"]), Row("GET /", ["X-Forwarded-For:"]),
    Row("GET /", ["Cookie: a=1"]), Row("GET /", ["Cookie: a=1; B=2; empty=; last=3"]),
    Row("GET /", ["Cookie: xa=1;a = 2 ;last=x=y"]), Row("GET /", ["Cookie: A=1, a=2"]),
    Row("GET /", ["Cookie: b=1", "Cookie: a=2; last=z"]), Row("GET /", ["Cookie: a"]),
    Row("GET /", ["Cookie: a=\"q;r\"; last"]), Row("GET /", ["Cookie: ;;a=1"]), Row("GET /", ["Cookie: a=1,2;x"]),
    Row("GET /", ["Cookie:"]), Row("GET /", ["Authorization: Basic dXNlcjpwYXNz"]),
    Row("GET /", ["Authorization: basic dXNlcjpwYXNzOng="]), Row("GET /", ["Authorization: Basic OnBhc3M="]),
    Row("GET /", ["Authorization: Basic dXNlcg=="]), Row("GET /", ["Authorization: Basic !!!"]),
    Row("GET /", ["Authorization: Basic "]), Row("GET /", ["Authorization: Bearer dXNlcjpwYXNz"]),
    Row("GET /", ["Host: B.Example"]), Row("GET /", ["Host: a.example:8080"]), Row("GET /", ["Host: a.example."]),
    Row("GET /", ["Host: [::1]:80"]), Row("GET /", ["Host: unknown"]),
    Row("", raw=b"GET / HTTP/1.0\r\n\r\n"), Row("", raw=b"GET /?x HTTP/1.0\r\nHost: b.example\r\n\r\n"),
    Row("", raw=b"GET http://b.example/p?a=1 HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n"),
]


def test_values_as_nginx(side_by_side):  # noqa: F811
    shown = "\\n".join(f"{name}=[${name}]" for name in NAMES)
    ours, nginx = side_by_side(f"""
        server {{ listen 127.0.0.1:@PORT@ default_server; server_name a.example second.example;
                  root /nowhere; return 200 "{shown}"; }}
        server {{ listen 127.0.0.1:@PORT@; server_name .b.example; root /b/;
                  location / {{ alias /c/; return 200 "{shown}"; }} }}""")
    assert_same(ours, nginx, REQUESTS)


SAME = "binary_remote_addr hostname realip_remote_addr server_addr limit_rate http2 gzip_ratio query_string sent_trailer_x".split()
FORMS = {"msec": r"\d{10}\.\d{3}", "nginx_version": r"1\.\d+\.\d+", "pid": r"\d+", "request_time": r"0\.\d{3}",
         "connection_time": r"0\.\d{3}", "connection": r"\d+", "request_id": "[0-9a-f]{32}", "remote_port": r"\d+",
         "realip_remote_port": r"\d+", "server_port": r"\d+", "bytes_sent": "0",
         "time_iso8601": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d",
         "time_local": r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"}


def test_values_of_process_and_moment_have_nginx_s_form(side_by_side):  # noqa: F811
    shown = "\\n".join(f"{name}=[${name}]" for name in [*SAME, *FORMS])
    servers = side_by_side(f'server {{ listen 127.0.0.1:@PORT@; return 200 "{shown}"; }}')
    values = [dict(re.findall(r"^(\w+)=\[(.*)\]$", get(server.port, "/?a=b").body.decode("latin-1"), re.M))
              for server in servers]
    for name in SAME:
        assert values[0][name] == values[1][name], name
    for name, form in FORMS.items():
        assert all(re.fullmatch(form, each[name]) for each in values), (name, [each[name] for each in values])


def test_values_change_from_request_to_request(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        return 200 "$connection $connection_requests $request_id $msec $pid $remote_port $server_port $hostname";
    }} }}""")
    with Client(port) as client:
        first, second = (client.request("/").body.decode().split() for _ in range(2))
    third = get(port).body.decode().split()
    assert first[0] == second[0] != third[0]
    assert [first[1], second[1], third[1]] == ["1", "2", "1"]
    ids = {answer[2] for answer in (first, second, third)}
    assert len(ids) == 3 and all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)
    assert re.fullmatch(r"\d+\.\d{3}", first[3]) and first[4].isdigit()
    assert first[5] == str(client.source_port) and first[6] == str(port)


def test_the_same_id_everywhere_in_a_request(tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        add_header X-Id $request_id;
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; proxy_set_header X-Id $request_id; }}
    }} }}""")
    assert get(port).get("X-Id") == backend.last.get("X-Id") != ""


def test_an_unknown_variable_is_refused_by_name(tinyproxyd):
    proxy = tinyproxyd("http { server { listen 127.0.0.1:1; return 200 $hosst; } }", started=False)
    done = proxy.run("-t", check=1)
    assert 'unknown "hosst" variable' in done.err and 'did you mean "$host"?' in done.err
