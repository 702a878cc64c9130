# SPDX-License-Identifier: ISC
"""The same configurations through `nginx -t` and `tinyproxyd -t`: the verdicts must agree.

Where they differ on purpose the row says which way and why; a row whose reason has gone fails.
"""
import re
import shutil

import pytest

from support import programs
from support.certs import Certs
from support.nginx import temp_paths
from support.process import run

BOTH_TAKE, BOTH_REFUSE = (True, True), (False, False)
STRICTER = (True, False)    # nginx takes it, we refuse
MILDER = (False, True)      # nginx refuses it, we take it

# What stands around the row's text; %s is the text.
CONTEXTS = {
    "main": "%s\n",
    "events": "events {\n%s\n}\n",
    "http": "http {\n@LOG@ %s\n}\n",
    "server": "http { @LOG@ server { listen 127.0.0.1:@PORT@;\n%s\n} }\n",
    "location": "http { @LOG@ server { listen 127.0.0.1:@PORT@; location /here/ {\n%s\n} } }\n",
    "upstream": "http { @LOG@ upstream group {\n%s\n} }\n",
}
# Said behind it unless it is there already: nginx wants events, and files belong into the test's directory.
REST = {"events": "events { }", "pid": "pid @DIR@/daemon.pid;", "error_log": "error_log @DIR@/error.log;"}

LATER = "not implemented yet, refused by name"

ROWS = [
    # words, quotes, escapes, comments, braces
    ("server", 'server_name "a";', BOTH_TAKE),
    ("server", "server_name 'a' \"b\" c;", BOTH_TAKE),
    ("server", 'server_name "a"b;', BOTH_REFUSE),
    ("server", 'server_name "a;', BOTH_REFUSE),
    ("server", "server_name a; # comment { ; }", BOTH_TAKE),
    ("server", "server_name a#b;", BOTH_TAKE),
    ("server", "server_name a\\;b;", BOTH_TAKE),
    ("server", "server_name a", BOTH_REFUSE),
    ("server", ";", BOTH_REFUSE),
    ("server", "{ }", BOTH_REFUSE),
    ("server", "}", BOTH_REFUSE),
    ("server", "server_name a}", BOTH_REFUSE),
    ("server", "server_name;", BOTH_REFUSE),
    ("location", "return 200 \"a\\\"b\\n\";", BOTH_TAKE),
    ("location", "return 200 ${host}x;", BOTH_TAKE),
    ("location", "return 200 a$host;", BOTH_TAKE),
    ("location", "return 200 {;", BOTH_REFUSE),
    ("location", "return 200 \"{}\";", BOTH_TAKE),
    ("location", "\"return\" 200;", BOTH_TAKE),
    ("main", "include /nowhere/*.conf;", BOTH_TAKE),
    ("main", "include /nowhere/x.conf;", BOTH_REFUSE),
    ("main", "include;", BOTH_REFUSE),
    ("main", "include a b;", BOTH_REFUSE),
    # main, events
    ("main", "daemon on;", BOTH_TAKE),
    ("main", "daemon ON;", BOTH_TAKE),
    ("main", "daemon yes;", BOTH_REFUSE),
    ("main", "daemon on; daemon on;", BOTH_REFUSE),
    ("main", "daemon;", BOTH_REFUSE),
    ("main", "daemon on off;", BOTH_REFUSE),
    ("main", "daemon on {", BOTH_REFUSE),
    ("main", "user root;", BOTH_TAKE),
    ("main", "user root root;", BOTH_TAKE),
    ("main", "user root root root;", BOTH_REFUSE),
    ("main", "worker_processes 3;", BOTH_TAKE),
    ("main", "worker_processes auto;", BOTH_TAKE),
    ("main", "worker_processes many;", BOTH_REFUSE),
    ("main", "worker_processes -1;", BOTH_REFUSE),
    ("main", "worker_processes 0;", STRICTER, "no worker would serve"),
    ("http", "server { listen @PORT@ so_keepalive=30m::10; }", BOTH_TAKE),
    ("http", "server { listen @PORT@ so_keepalive=30m; }", BOTH_TAKE),
    ("http", "server { listen @PORT@ so_keepalive=::; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@ so_keepalive=x; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@ rcvbuf=x; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@ reuseport=on; }", BOTH_REFUSE),
    ("http", "proxy_cache off; proxy_cache_valid 200 1m; proxy_cache_valid 5m; proxy_no_cache $arg_x;", BOTH_TAKE),
    ("http", "proxy_cache_valid;", BOTH_REFUSE),
    ("http", "proxy_cache_use_stale error off;", BOTH_TAKE),
    ("http", "proxy_cache_use_stale error; proxy_cache_use_stale timeout;", BOTH_TAKE),
    ("http", "proxy_cache_use_stale x;", BOTH_REFUSE),
    ("http", "proxy_cache_min_uses x;", BOTH_REFUSE),
    ("http", "proxy_cache_revalidate maybe;", BOTH_REFUSE),
    ("http", "connection_pool_size 512;", BOTH_TAKE),
    ("http", "types_hash_max_size 2048; server_names_hash_bucket_size 128; variables_hash_max_size 2048;", BOTH_TAKE),
    ("http", "types_hash_max_size x;", BOTH_REFUSE),
    ("http", "lingering_close always; lingering_time 1m; lingering_timeout 3s;", BOTH_TAKE),
    ("http", "lingering_close maybe;", BOTH_REFUSE),
    ("http", "keepalive_time 1h; keepalive_disable none; sendfile on; tcp_nopush on; tcp_nodelay off;", BOTH_TAKE),
    ("http", "keepalive_disable msie6 safari;", BOTH_TAKE),
    ("http", "keepalive_disable msie6; keepalive_disable safari;", BOTH_TAKE),
    ("http", "keepalive_disable opera;", BOTH_REFUSE),
    ("http", "keepalive_time x;", BOTH_REFUSE),
    ("http", "limit_rate 10k; limit_rate_after $arg_x;", BOTH_TAKE),
    ("http", "limit_rate 10x;", BOTH_REFUSE),
    ("http", "reset_timedout_connection on; etag off; if_modified_since before;", BOTH_TAKE),
    ("http", "if_modified_since after;", BOTH_REFUSE),
    ("http", "expires modified +24h;", BOTH_TAKE),
    ("http", "expires @15h30m;", BOTH_TAKE),
    ("http", "expires -1;", BOTH_TAKE),
    ("http", "expires $arg_x;", BOTH_TAKE),
    ("http", "expires @25h;", BOTH_REFUSE),
    ("http", "expires modified @1h;", BOTH_REFUSE),
    ("http", "expires modified epoch;", BOTH_REFUSE),
    ("http", "expires soon;", BOTH_REFUSE),
    ("http", "expires 1h 2h;", BOTH_REFUSE),
    ("http", "set_real_ip_from 10.0.0.0/8; set_real_ip_from ::1; set_real_ip_from unix:;", BOTH_TAKE),
    ("http", "set_real_ip_from 10.0.0.1/8;", BOTH_TAKE),
    ("http", "set_real_ip_from 10.0.0.0/33;", BOTH_REFUSE),
    ("http", "set_real_ip_from not.there.invalid;", BOTH_REFUSE),
    ("http", "real_ip_header X-Forwarded-For; real_ip_recursive on;", BOTH_TAKE),
    ("http", "real_ip_header;", BOTH_REFUSE),
    ("main", "worker_rlimit_nofile 4096;", BOTH_TAKE),
    ("main", "worker_rlimit_nofile 4k;", BOTH_REFUSE),
    ("main", "worker_shutdown_timeout 10s;", BOTH_TAKE),
    ("main", "worker_shutdown_timeout 10q;", BOTH_REFUSE),
    ("main", "pid @DIR@/x.pid;", BOTH_TAKE),
    ("main", "error_log @DIR@/e.log;", BOTH_TAKE),
    ("main", "error_log @DIR@/e.log notice;", BOTH_TAKE),
    ("main", "error_log @DIR@/e.log loud;", BOTH_REFUSE),
    ("main", "error_log stderr;", BOTH_TAKE),
    ("main", "error_log;", BOTH_REFUSE),
    ("main", "events { } events { }", BOTH_REFUSE),
    ("main", "http { } http { }", BOTH_REFUSE),
    ("main", "listen 80;", BOTH_REFUSE),
    ("main", "server { }", BOTH_REFUSE),
    ("main", "deamon on;", BOTH_REFUSE),
    ("events", "worker_connections 64;", BOTH_TAKE),
    ("events", "worker_connections x;", BOTH_REFUSE),
    ("events", "worker_connections 64; worker_connections 64;", BOTH_REFUSE),
    ("http", "worker_connections 64;", BOTH_REFUSE),
    # times and sizes
    *[("http", f"send_timeout {t};", verdict) for t, verdict in (
        ("5", BOTH_TAKE), ("5s", BOTH_TAKE), ("500ms", BOTH_TAKE), ("1m30s", BOTH_TAKE),
        ('"1h 30m"', BOTH_TAKE), ("1h30", BOTH_TAKE), ("1d", BOTH_TAKE), ("2w", BOTH_TAKE),
        ("1M", BOTH_REFUSE), ("1y", BOTH_REFUSE), ("30m1h", BOTH_REFUSE), ("1s1s", BOTH_REFUSE),
        ("ms", BOTH_REFUSE), ('""', BOTH_REFUSE), ("-1", BOTH_REFUSE), ("1.5s", BOTH_REFUSE),
        ("99999999999999999999", BOTH_REFUSE), ("1 2", BOTH_REFUSE))],
    *[("http", f"ssl_session_timeout {t};", verdict) for t, verdict in (
        ("1M", BOTH_TAKE), ("1y", BOTH_TAKE), ("1y1M1w1d1h1m1s", BOTH_TAKE), ("5ms", BOTH_REFUSE))],
    *[("http", f"client_max_body_size {t};", verdict) for t, verdict in (
        ("0", BOTH_TAKE), ("1024", BOTH_TAKE), ("8k", BOTH_TAKE), ("8K", BOTH_TAKE),
        ("1m", BOTH_TAKE), ("1g", BOTH_TAKE), ("2G", BOTH_TAKE), ("1t", BOTH_REFUSE),
        ("k", BOTH_REFUSE), ("-1", BOTH_REFUSE), ("9999999999999g", BOTH_REFUSE))],
    ("http", "client_header_buffer_size 2k;", BOTH_TAKE),
    ("http", "client_header_buffer_size 1g;", BOTH_REFUSE),
    ("http", "client_header_buffer_size 1;", STRICTER, "no request line would fit"),
    ("http", "large_client_header_buffers 4 8k;", BOTH_TAKE),
    ("http", "large_client_header_buffers 4;", BOTH_REFUSE),
    ("http", "large_client_header_buffers 4 8;", STRICTER, "no header line would fit"),
    ("http", "large_client_header_buffers x 8k;", BOTH_REFUSE),
    # http settings
    ("http", "client_header_timeout 5s; client_body_timeout 5s;", BOTH_TAKE),
    ("location", "client_header_timeout 5s;", BOTH_REFUSE),
    ("location", "client_body_timeout 5s;", BOTH_TAKE),
    ("http", "keepalive_timeout 5s;", BOTH_TAKE),
    ("http", "keepalive_timeout 5s 4s;", BOTH_TAKE),
    ("http", "keepalive_timeout 5s x;", BOTH_REFUSE),
    ("http", "keepalive_timeout 5s; keepalive_timeout 5s;", BOTH_REFUSE),
    ("http", "keepalive_requests 5;", BOTH_TAKE),
    ("http", "keepalive_requests x;", BOTH_REFUSE),
    ("server", "merge_slashes off; underscores_in_headers on; ignore_invalid_headers off;", BOTH_TAKE),
    ("location", "merge_slashes off;", BOTH_REFUSE),
    ("location", "server_tokens off;", BOTH_TAKE),
    ("location", "server_tokens build;", STRICTER, LATER),
    ("location", "server_tokens no;", BOTH_REFUSE),
    # server and listen
    *[("http", f"server {{ listen {text}; }}", verdict) for text, verdict in (
        ("@PORT@", BOTH_TAKE), ("*:@PORT@", BOTH_TAKE), ("127.0.0.1:@PORT@", BOTH_TAKE),
        ("[::1]:@PORT@", BOTH_TAKE), ("[::]:@PORT@ ipv6only=on", BOTH_TAKE),
        ("[::]:@PORT@ ipv6only=off", BOTH_TAKE), ("[::]:@PORT@ ipv6only=x", BOTH_REFUSE),
        ("localhost:@PORT@", BOTH_TAKE), ("unix:@DIR@/s.sock", BOTH_TAKE), ("unix:", BOTH_REFUSE),
        ("0", BOTH_REFUSE), ("65536", BOTH_REFUSE), ("80x", BOTH_REFUSE),
        ("127.0.0.1:", BOTH_REFUSE), ("[::1", BOTH_REFUSE), ("[xyz]:80", BOTH_REFUSE),
        ("no.such.host.invalid:80", BOTH_REFUSE), ("http://a/", BOTH_REFUSE),
        ("@PORT@ default_server", BOTH_TAKE), ("@PORT@ default", BOTH_TAKE),
        ("@PORT@ backlog=64", BOTH_TAKE), ("@PORT@ backlog=x", BOTH_REFUSE),
        ("@PORT@ backlog=0", BOTH_REFUSE), ("@PORT@ nonsense", BOTH_REFUSE),
        ("@PORT@ @PORT@", BOTH_REFUSE))],
    *[("http", f"server {{ listen @PORT@ {text}; }}", BOTH_TAKE) for text in (
        "proxy_protocol", "rcvbuf=8k", "sndbuf=8k", "reuseport", "so_keepalive=on", "deferred")],
    ("http", "server { listen @PORT@ bind; }", STRICTER, LATER),
    ("http", "server { listen; }", BOTH_REFUSE),
    ("http", "server a { }", BOTH_REFUSE),
    ("http", "server;", BOTH_REFUSE),
    ("http", "server { listen @PORT@; listen @PORT@; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@; listen *:@PORT@; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@; listen 127.0.0.1:@PORT@; }", BOTH_TAKE),
    ("http", "server { listen @PORT@ default_server; } server { listen @PORT@ default_server; }",
     BOTH_REFUSE),
    ("http", "server { listen @PORT@ backlog=9; } server { listen @PORT@ backlog=9; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@ backlog=9; } server { listen @PORT@; }", BOTH_TAKE),
    ("http", "server { listen @PORT@; listen [::]:@PORT@; }", BOTH_TAKE),
    ("http", "server { listen @PORT@ ssl; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@ ssl; ssl_certificate @CERT@; ssl_certificate_key @KEY@; }",
     BOTH_TAKE),
    ("http", "ssl_certificate @CERT@; ssl_certificate_key @KEY@; server { listen @PORT@ ssl; }",
     BOTH_TAKE),
    ("http", "server { listen @PORT@ ssl; ssl_certificate @CERT@; }", BOTH_REFUSE),
    ("http", "server { listen @PORT@; ssl on; ssl_certificate @CERT@; ssl_certificate_key @KEY@; }",
     BOTH_TAKE),
    # server_name
    *[("server", f"server_name {name};", verdict) for name, verdict in (
        ("a.example", BOTH_TAKE), ("a.example b.example", BOTH_TAKE), ("A.EXAMPLE", BOTH_TAKE),
        ("*.example", BOTH_TAKE), (".example", BOTH_TAKE), ("a.*", BOTH_TAKE), ('""', BOTH_TAKE),
        ("_", BOTH_TAKE), ("127.0.0.1", BOTH_TAKE), ("$hostname", BOTH_TAKE),
        ("*", BOTH_REFUSE), (".", BOTH_REFUSE), ("*a.example", BOTH_REFUSE),
        ("http://a/", BOTH_TAKE))],
    *[("server", f"server_name {name};", STRICTER, "nginx looks only when servers share the address")
      for name in ("a.*.example", "a*.example", "*.*", "a..b")],
    ("server", "server_name ~^a$;", BOTH_TAKE),
    ("server", "server_name a; server_name b;", BOTH_TAKE),
    ("http", "server_name a;", BOTH_REFUSE),
    ("http", "server { listen 127.0.0.1:@PORT@; server_name a; } "
     "server { listen 127.0.0.1:@PORT@; server_name a; }", BOTH_TAKE),
    # location
    *[("server", f"location {what} {{ }}", verdict) for what, verdict in (
        ("/", BOTH_TAKE), ("/a", BOTH_TAKE), ("= /a", BOTH_TAKE), ("=/a", BOTH_TAKE),
        ("^~ /a", BOTH_TAKE), ("^~/a", BOTH_TAKE), ("a", BOTH_TAKE), ("\"/a b\"", BOTH_TAKE),
        ("", BOTH_REFUSE), ("x /a", BOTH_REFUSE), ("= /a b", BOTH_REFUSE))],
    *[("server", f"location {what} {{ }}", BOTH_TAKE) for what in (
        "~ x", "~* x", "~x", "@name", "~ ^/(?<a>b)$", "~*x", "^~ @name", "~")],
    *[("server", f"location {what} {{ }}", BOTH_REFUSE) for what in (
        "~ (x", "~ x{2}", "~ [z-a]", "~ (?<host>x)")],
    ("server", "location @a { } location @a { }", STRICTER, "only the first would ever be used"),
    ("server", "location ~ a { } location ~ a { }", BOTH_TAKE),
    ("server", "location = /a { location /a/b { } }", BOTH_REFUSE),
    ("server", "location @a { location /b { } }", BOTH_REFUSE),
    ("server", "location ~ a { location /b { } }", BOTH_REFUSE),
    ("server", "location ~ a { location ~ b { } }", BOTH_TAKE),
    ("server", "location /a/ { location ~ b { location /a/c { } } }", BOTH_REFUSE),
    ("server", "location /a/ { location = /a/b { } location ^~ /a/c { } }", BOTH_TAKE),
    ("server", "location /a/ { location @b { } }", BOTH_REFUSE),
    ("server", "location / { } location / { }", BOTH_REFUSE),
    ("server", "location / { } location = / { }", BOTH_TAKE),
    ("server", "location = / { } location = / { }", BOTH_REFUSE),
    ("server", "location /;", BOTH_REFUSE),
    ("http", "location / { }", BOTH_REFUSE),
    ("location", "location /here/x { }", BOTH_TAKE),
    ("location", "location /elsewhere { }", BOTH_REFUSE),
    # files
    ("location", "root /srv;", BOTH_TAKE),
    ("location", "root html;", BOTH_TAKE),
    ("location", "root /a; root /b;", BOTH_REFUSE),
    ("location", "root /a; alias /b;", BOTH_REFUSE),
    ("location", "alias /a;", BOTH_TAKE),
    ("server", "alias /a;", BOTH_REFUSE),
    ("location", "root $host;", BOTH_TAKE),
    ("location", "root /x/${host}/y;", BOTH_TAKE),
    ("location", "root $nosuch;", BOTH_REFUSE),
    ("location", "root $document_root;", BOTH_REFUSE),
    ("location", "alias /x/$document_root;", BOTH_REFUSE),
    ("location", "index $host.html;", BOTH_TAKE),
    ("server", "location @n { alias /x; }", BOTH_REFUSE),
    ("server", "location ~ x { alias /y/$1; }", BOTH_TAKE),
    ("server", "internal;", BOTH_REFUSE),
    ("location", "internal;", BOTH_TAKE),
    ("location", "internal; internal;", BOTH_REFUSE),
    *[("location", f"try_files {words};", verdict) for words, verdict in (
        ("/a /b", BOTH_TAKE), ("$uri $uri/ =404", BOTH_TAKE), ("$uri @x", BOTH_TAKE), ("/a", BOTH_REFUSE),
        ("/a =x", BOTH_REFUSE), ("/a =1000", BOTH_REFUSE), ("$nosuch /b", BOTH_REFUSE))],
    ("location", "try_files /a /b; try_files /a /b;", BOTH_REFUSE),
    ("http", "try_files /a /b;", BOTH_REFUSE),
    ("server", "try_files /a /b;", BOTH_TAKE),
    *[("http", f"error_page {words};", verdict) for words, verdict in (
        ("404 /x", BOTH_TAKE), ("404 500 =200 /x", BOTH_TAKE), ("404 = /x", BOTH_TAKE), ("404 @x", BOTH_TAKE),
        ("404 http://a/$uri", BOTH_TAKE), ("/x", BOTH_REFUSE), ("404", BOTH_REFUSE), ("299 /x", BOTH_REFUSE),
        ("600 /x", BOTH_REFUSE), ("499 /x", BOTH_REFUSE), ("x /y", BOTH_REFUSE), ("404 =x /y", BOTH_REFUSE),
        ("404 $nosuch", BOTH_REFUSE), ("497 https://a/", BOTH_TAKE))],
    ("http", "absolute_redirect off; server_name_in_redirect on; port_in_redirect off;", BOTH_TAKE),
    ("location", "absolute_redirect off;", BOTH_TAKE),
    ("location", "port_in_redirect no;", BOTH_REFUSE),
    # rewriting
    *[("location", text, verdict) for text, verdict in (
        ("set $a b;", BOTH_TAKE), ("set $a $b; set $b 1;", BOTH_TAKE), ("set $a $nosuch;", BOTH_REFUSE),
        ("set a b;", BOTH_REFUSE), ("set $a;", BOTH_REFUSE), ("set $host b;", BOTH_REFUSE), ("set $args a;", BOTH_TAKE),
        ("set $a b; set $a c;", BOTH_TAKE), ("break;", BOTH_TAKE), ("break; break;", BOTH_TAKE), ("break x;", BOTH_REFUSE),
        ("rewrite a /b;", BOTH_TAKE), ("rewrite a /b last;", BOTH_TAKE), ("rewrite a /b break;", BOTH_TAKE),
        ("rewrite a /b redirect;", BOTH_TAKE), ("rewrite a /b permanent;", BOTH_TAKE), ("rewrite a /b later;", BOTH_REFUSE),
        ("rewrite a;", BOTH_REFUSE), ("rewrite (a /b;", BOTH_REFUSE), ("rewrite a $nosuch;", BOTH_REFUSE),
        ("rewrite a \"\";", BOTH_REFUSE), ("rewrite (?<n>a) /$n;", BOTH_TAKE), ("rewrite a /$1$9;", BOTH_TAKE),
        ("rewrite a /${1};", BOTH_REFUSE), ("rewrite a /$0;", BOTH_REFUSE))],
    *[("location", f"if {condition} {{ }}", verdict) for condition, verdict in (
        ("($host)", BOTH_TAKE), ("( $host )", BOTH_TAKE), ("($host = a)", BOTH_TAKE), ("($host != a)", BOTH_TAKE),
        ("($host ~ a)", BOTH_TAKE), ("($host !~* a)", BOTH_TAKE), ("(-f /a)", BOTH_TAKE), ("(!-d $uri)", BOTH_TAKE),
        ("(-e /a)", BOTH_TAKE), ("(-x /a)", BOTH_TAKE), ("($host = \"\")", BOTH_TAKE), ("($host ~ \"a b\")", BOTH_TAKE),
        ("($host == a)", BOTH_REFUSE), ("($host=a)", BOTH_REFUSE), ("($host = a b)", BOTH_REFUSE), ("$host", BOTH_REFUSE),
        ("(host)", BOTH_REFUSE), ("()", BOTH_REFUSE), ("($host a)", BOTH_REFUSE), ("(-q /a)", BOTH_REFUSE),
        ("(-f)", BOTH_REFUSE), ("(! -f /a)", BOTH_REFUSE), ("($nosuch)", BOTH_REFUSE), ("($host ~ (a)", BOTH_REFUSE))],
    ("location", "if ($host) { if ($host) { } }", BOTH_REFUSE),
    ("location", "if ($host) { root /a; add_header A b; access_log off; error_page 404 /x; proxy_pass http://127.0.0.1; }",
     BOTH_TAKE),
    ("location", "if ($host) { expires 1h; limit_rate 1k; limit_rate_after 1k; sendfile on; }", BOTH_TAKE),
    ("location", "limit_except GET { access_log off; }", BOTH_TAKE),
    ("location", "set $limit_rate 4k;", BOTH_TAKE),
    ("location", "set $uri /x;", BOTH_REFUSE),
    ("location", "if ($host) { index a; }", BOTH_REFUSE),
    ("location", "if ($host) { try_files /a /b; }", BOTH_REFUSE),
    ("location", "if ($host) { proxy_pass http://127.0.0.1/x; }", BOTH_REFUSE),
    ("location", "if ($host) { set $a 1; rewrite a /b; break; return 200; }", BOTH_TAKE),
    ("server", "if ($host) { set $a 1; rewrite a /b; break; return 200; }", BOTH_TAKE),
    ("server", "if ($host) { root /a; }", BOTH_REFUSE),
    ("http", "if ($host) { }", BOTH_REFUSE),
    ("http", "set $a b;", BOTH_REFUSE),
    ("server", "location ~ x { proxy_pass http://127.0.0.1/y; }", BOTH_REFUSE),
    ("server", "location @x { proxy_pass http://127.0.0.1/; }", BOTH_REFUSE),
    ("server", "location @x { proxy_pass http://127.0.0.1; }", BOTH_TAKE),
    # map
    *[("http", f"map {text}", verdict) for text, verdict in (
        ("$host $x { a b; }", BOTH_TAKE), ("$host $x { }", BOTH_TAKE), ("$host$uri $x { a $uri; }", BOTH_TAKE),
        ("$host $x { default a; hostnames; volatile; *.a b; ~c d; ~*e f; \"\" g; }", BOTH_TAKE),
        ("$host $x { a; }", BOTH_REFUSE), ("$host $x { a b c; }", BOTH_REFUSE), ("$host x { a b; }", BOTH_REFUSE),
        ("$host $host { a b; }", BOTH_REFUSE), ("$nosuch $x { a b; }", BOTH_REFUSE), ("$host $x { a $nosuch; }", BOTH_REFUSE),
        ("$host $x { a b; a c; }", BOTH_REFUSE), ("$host $x { default a; default b; }", BOTH_REFUSE),
        ("$host $x { ~(a b; }", BOTH_REFUSE), ("$host { a b; }", BOTH_REFUSE), ("$host $x { hostnames; a..b c; }", BOTH_REFUSE),
        ("$host $x { a b; } map $host $x { c d; }", BOTH_TAKE), ("$y $x { a b; } map $x $y { c d; }", BOTH_TAKE))],
    ("server", "map $host $x { a b; }", BOTH_REFUSE),
    # allow, deny, limit_except
    *[("http", f"allow {text};", verdict) for text, verdict in (
        ("all", BOTH_TAKE), ("192.0.2.1", BOTH_TAKE), ("192.0.2.0/24", BOTH_TAKE), ("192.0.2.1/24", BOTH_TAKE),
        ("2001:db8::/32", BOTH_TAKE), ("::1", BOTH_TAKE), ("unix:", BOTH_TAKE), ("unix", BOTH_REFUSE), ("a.example", BOTH_REFUSE),
        ("192.0.2.0/33", BOTH_REFUSE), ("::/129", BOTH_REFUSE), ("192.0.2", BOTH_REFUSE), ("192.0.2.1 ::1", BOTH_REFUSE))],
    ("location", "allow 127.0.0.1; deny all;", BOTH_TAKE),
    ("location", "limit_except GET { deny all; }", BOTH_TAKE),
    ("location", "limit_except GET POST { allow all; proxy_pass http://127.0.0.1; }", BOTH_TAKE),
    ("location", "limit_except FETCH { deny all; }", BOTH_REFUSE),
    ("location", "limit_except { deny all; }", BOTH_REFUSE),
    ("location", "limit_except GET { root /x; }", BOTH_REFUSE),
    ("location", "limit_except GET { return 200; }", BOTH_REFUSE),
    ("server", "limit_except GET { deny all; }", BOTH_REFUSE),
    ("location", "index a b.html;", BOTH_TAKE),
    ("location", 'index "";', BOTH_REFUSE),
    ("location", "index;", BOTH_REFUSE),
    ("http", "types { text/html html htm; image/png png; }", BOTH_TAKE),
    ("http", "types { }", BOTH_TAKE),
    ("http", "types { text/html; }", STRICTER, "it says nothing"),
    ("http", "types { text/html html; text/plain html; }", BOTH_TAKE),
    ("http", "types { text/html { } }", BOTH_REFUSE),
    ("http", "types x { }", BOTH_REFUSE),
    ("http", "default_type text/plain;", BOTH_TAKE),
    ("http", "default_type text/plain; default_type text/plain;", BOTH_REFUSE),
    # return, headers
    ("location", "return 204;", BOTH_TAKE),
    ("location", "return 200 text;", BOTH_TAKE),
    ("location", "return 301 http://a/;", BOTH_TAKE),
    ("location", "return http://a/;", BOTH_TAKE),
    ("location", "return $scheme://a/;", BOTH_TAKE),
    ("location", "return text;", BOTH_REFUSE),
    ("location", "return 1000;", BOTH_REFUSE),
    ("location", "return 200 a b;", BOTH_REFUSE),
    ("location", "return;", BOTH_REFUSE),
    ("location", "return 200 $nosuch;", BOTH_REFUSE),
    ("location", "return 200 $;", BOTH_REFUSE),
    ("location", "return 200 ${host;", BOTH_REFUSE),
    ("location", "return 200; return 204;", BOTH_TAKE),
    ("location", "return 100;", STRICTER, "an interim status is no answer"),
    ("server", "return 204;", BOTH_TAKE),
    ("http", "return 204;", BOTH_REFUSE),
    ("http", "add_header X-A b;", BOTH_TAKE),
    ("http", "add_header X-A b always;", BOTH_TAKE),
    ("http", "add_header X-A b never;", BOTH_REFUSE),
    ("http", "add_header X-A;", BOTH_REFUSE),
    ("http", "add_header X-A $nosuch;", BOTH_REFUSE),
    ("http", "add_header X-A \"a\\r\\nb\";", STRICTER, "it would write a header of its own"),
    ("http", "add_header \"X A\" b;", STRICTER, "no such header can be sent"),
    # logs
    ("http", "access_log off;", BOTH_TAKE),
    ("http", "access_log off x;", BOTH_REFUSE),
    ("http", "access_log off; access_log off;", BOTH_TAKE),
    ("http", "access_log @DIR@/a.log;", BOTH_TAKE),
    ("http", "access_log @DIR@/a.log combined;", BOTH_TAKE),
    ("http", "access_log @DIR@/a.log nosuch;", BOTH_REFUSE),
    ("http", "access_log @DIR@/a.log combined buffer=8k;", BOTH_TAKE),
    ("http", "access_log @DIR@/a.log combined buffer=8k flush=1m if=$arg_x;", BOTH_TAKE),
    ("http", "access_log @DIR@/a.log combined flush=1m;", BOTH_REFUSE),
    ("http", "access_log @DIR@/a.log combined buffer=x;", BOTH_REFUSE),
    ("http", "access_log @DIR@/a.log buffer=8k;", BOTH_REFUSE),
    ("http", "access_log @DIR@/a.log combined buffer=8k; server { access_log @DIR@/a.log combined buffer=9k; }",
     BOTH_REFUSE),
    ("http", "access_log @DIR@/a.log combined gzip;", STRICTER, LATER),
    ("http", "access_log @DIR@/$host.log;", BOTH_TAKE),
    ("http", "access_log @DIR@/$host.log combined buffer=8k;", BOTH_REFUSE),
    ("http", "access_log @DIR@/$nonesuch.log;", BOTH_REFUSE),
    ("http", "log_not_found off;", BOTH_TAKE),
    ("http", "error_log @DIR@/1.log; error_log @DIR@/2.log warn;", BOTH_TAKE),
    ("http", "error_log @DIR@/1.log; error_log @DIR@/1.log warn;", BOTH_TAKE),
    ("http", "access_log @DIR@/a.log combined nonsense;", BOTH_REFUSE),
    ("http", "access_log;", BOTH_REFUSE),
    ("http", "access_log @DIR@/a.log; access_log @DIR@/b.log;", BOTH_TAKE),
    ("http", "log_format x '$remote_addr $status' ' $request'; access_log @DIR@/a.log x;", BOTH_TAKE),
    ("http", "log_format x escape=json '$status';", BOTH_TAKE),
    ("http", "log_format x escape=none '$status';", BOTH_TAKE),
    ("http", "log_format x escape=xml '$status';", BOTH_REFUSE),
    ("http", "log_format x;", BOTH_REFUSE),
    ("http", "log_format x a; log_format x a;", BOTH_REFUSE),
    ("http", "log_format combined a;", BOTH_REFUSE),
    ("http", "log_format x '$nosuch';", BOTH_REFUSE),
    ("server", "log_format x a;", BOTH_REFUSE),
    ("location", "error_log @DIR@/l.log warn;", BOTH_TAKE),
    # TLS
    ("server", "ssl_protocols TLSv1.2 TLSv1.3;", BOTH_TAKE),
    ("server", "ssl_protocols TLSv1.4;", BOTH_REFUSE),
    ("server", "ssl_protocols TLSv1.2 TLSv1.2;", BOTH_TAKE),
    ("server", "ssl_protocols TLSv1.3 TLSv1.2; ssl_protocols TLSv1.2 TLSv1.3;", BOTH_TAKE),
    ("server", "ssl_session_cache shared:A:1m; ssl_session_cache shared:B:1m;", BOTH_TAKE),
    ("server", "ssl_protocols SSLv3;", STRICTER, "SSLv3 is broken"),
    ("server", "ssl_protocols;", BOTH_REFUSE),
    ("location", "ssl_protocols TLSv1.2;", BOTH_REFUSE),
    ("server", "ssl_ciphers HIGH:!aNULL; ssl_prefer_server_ciphers on;", BOTH_TAKE),
    ("server", "ssl_prefer_server_ciphers x;", BOTH_REFUSE),
    ("http", "server { listen @PORT@ ssl; ssl_certificate @CERT@; ssl_certificate_key @KEY@; "
     "ssl_ciphers nonsense; }", BOTH_REFUSE),
    ("server", "ssl_dhparam a; ssl_dhparam b;", BOTH_REFUSE),
    # proxy
    *[("location", f"proxy_pass {url};", verdict) for url, verdict in (
        ("http://127.0.0.1", BOTH_TAKE), ("http://127.0.0.1:8080", BOTH_TAKE),
        ("http://127.0.0.1:8080/", BOTH_TAKE), ("http://127.0.0.1:8080/x/y", BOTH_TAKE),
        ("HTTP://127.0.0.1", BOTH_TAKE), ("http://[::1]:8080", BOTH_TAKE),
        ("http://localhost:8080", BOTH_TAKE), ("http://unix:/tmp/s", BOTH_TAKE),
        ("http://unix:/tmp/s:/uri/", BOTH_TAKE), ("127.0.0.1:8080", BOTH_REFUSE),
        ("ftp://127.0.0.1", BOTH_REFUSE), ("http://", BOTH_REFUSE), ("http:///x", BOTH_REFUSE),
        ("http://127.0.0.1:x", BOTH_REFUSE), ("http://127.0.0.1:99999", BOTH_REFUSE),
        ("http://a b", BOTH_REFUSE))],
    ("location", "proxy_pass http://no.such.host.invalid;", MILDER,
     "a name that does not resolve never stops start-up"),
    ("location", "proxy_pass https://127.0.0.1;", BOTH_TAKE),
    ("location", "proxy_pass https://127.0.0.1; proxy_ssl_verify on;", BOTH_REFUSE),
    ("location", "proxy_pass http://$host;", BOTH_TAKE),
    ("location", "proxy_pass http://127.0.0.1; proxy_pass http://127.0.0.1;", BOTH_REFUSE),
    ("server", "proxy_pass http://127.0.0.1;", BOTH_REFUSE),
    ("http", "upstream b { server 127.0.0.1; } "
     "server { listen 127.0.0.1:@PORT@; location / { proxy_pass http://b; } }",
     BOTH_TAKE),
    ("http", "server { listen 127.0.0.1:@PORT@; location / { proxy_pass http://b; } } "
     "upstream b { server 127.0.0.1; }",
     BOTH_TAKE),
    ("http", "upstream b { server 127.0.0.1; } "
     "server { listen 127.0.0.1:@PORT@; location / { proxy_pass http://B/x; } }",
     BOTH_TAKE),
    ("http", "upstream b { server 127.0.0.1; } "
     "server { listen 127.0.0.1:@PORT@; location / { proxy_pass http://b:81; } }",
     BOTH_REFUSE),
    ("location", "proxy_set_header Host $host;", BOTH_TAKE),
    ("location", 'proxy_set_header Host "";', BOTH_TAKE),
    ("location", "proxy_set_header Host;", BOTH_REFUSE),
    ("location", "proxy_set_header Host a b;", BOTH_REFUSE),
    ("location", "proxy_set_header X $nosuch;", BOTH_REFUSE),
    ("location", "proxy_connect_timeout 1s; proxy_send_timeout 1s; proxy_read_timeout 1s;", BOTH_TAKE),
    ("location", "proxy_read_timeout x;", BOTH_REFUSE),
    ("location", "proxy_http_version 1.1;", BOTH_TAKE),
    ("location", "proxy_http_version 1.0;", BOTH_TAKE),
    ("location", "proxy_http_version 2;", BOTH_REFUSE),
    ("location", "proxy_buffer_size 8k;", BOTH_TAKE),
    ("location", "proxy_buffer_size x;", BOTH_REFUSE),
    ("location", "proxy_pass http://127.0.0.1; proxy_redirect default;", BOTH_TAKE),
    ("location", "proxy_pass http://127.0.0.1; proxy_redirect off;", BOTH_TAKE),
    ("location", "proxy_redirect on;", BOTH_REFUSE),
    ("location", "proxy_redirect http://a/ /b/;", BOTH_TAKE),
    ("location", "proxy_hide_header X-A; proxy_pass_header Server;", BOTH_TAKE),
    ("location", "proxy_hide_header;", BOTH_REFUSE),
    ("location", "proxy_next_upstream error; proxy_next_upstream timeout error;", BOTH_TAKE),
    ("location", "proxy_ignore_headers Expires; proxy_ignore_headers Cache-Control;", BOTH_TAKE),
    ("location", "proxy_ssl_protocols TLSv1.2; proxy_ssl_protocols TLSv1.3;", BOTH_TAKE),
    # upstream
    *[("upstream", f"server {text};", verdict) for text, verdict in (
        ("127.0.0.1", BOTH_TAKE), ("127.0.0.1:8080", BOTH_TAKE), ("[::1]:8080", BOTH_TAKE),
        ("unix:/tmp/s", BOTH_TAKE), ("localhost", BOTH_TAKE),
        ("127.0.0.1 weight=2 max_fails=3 fail_timeout=5s", BOTH_TAKE),
        ("127.0.0.1 down", BOTH_TAKE), ("127.0.0.1 weight=0", BOTH_REFUSE),
        ("127.0.0.1 weight=x", BOTH_REFUSE), ("127.0.0.1 max_fails=0", BOTH_TAKE),
        ("127.0.0.1 max_fails=x", BOTH_REFUSE), ("127.0.0.1 fail_timeout=x", BOTH_REFUSE),
        ("127.0.0.1 nonsense", BOTH_REFUSE), ("http://127.0.0.1", BOTH_REFUSE),
        ("127.0.0.1:x", BOTH_REFUSE), ("127.0.0.1 127.0.0.2", BOTH_REFUSE))],
    ("upstream", "server 127.0.0.1; server 127.0.0.2 backup;", BOTH_TAKE),
    ("upstream", "server 127.0.0.1 max_conns=5;", BOTH_TAKE),
    ("upstream", "server no.such.host.invalid;", MILDER,
     "a name that does not resolve never stops start-up"),
    ("upstream", "", BOTH_REFUSE),
    ("upstream", "server { listen 80; }", BOTH_REFUSE),
    ("upstream", "server 127.0.0.1; keepalive 8; keepalive_requests 9; keepalive_timeout 5s;", BOTH_TAKE),
    ("upstream", "server 127.0.0.1; keepalive x;", BOTH_REFUSE),
    ("upstream", "server 127.0.0.1; keepalive 0;", MILDER, "no connection is kept, as in newer nginx"),
    ("upstream", "server 127.0.0.1; keepalive 8; keepalive 8;", BOTH_REFUSE),
    ("http", "upstream a { server 127.0.0.1; } upstream a { server 127.0.0.1; }", BOTH_REFUSE),
    ("http", "upstream { server 127.0.0.1; }", BOTH_REFUSE),
]


@pytest.fixture(scope="module")
def nginx():
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert found, "nginx is missing: scripts/install-deps"
    return found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs")).issue("a.example")


def configuration(context, text, values):
    body = CONTEXTS[context] % text
    for word, line in REST.items():
        if not (context in ("main", "events") and body.startswith(word)):
            body += line + "\n"
    values["@LOG@"] = "" if context == "http" and "access_log" in text else f"access_log {values['@DIR@']}/access.log;"
    for mark, value in values.items():
        body = body.replace(mark, str(value))
    return body


def verdict(argv, directory):
    done = run(argv, cwd=directory, check=None)
    assert done.code in (0, 1), done.err
    return done.code == 0, done.err


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[1]}"[:70] for row in ROWS])
def test_verdict(row, tmp_path, nginx, certificate, free_port):
    context, text, expected = row[:3]
    path, nginx_s = tmp_path / "a.conf", tmp_path / "nginx.conf"
    written = configuration(context, text, {
        "@PORT@": free_port(), "@DIR@": tmp_path, "@CERT@": certificate.cert,
        "@KEY@": certificate.key})
    path.write_text(written)
    nginx_s.write_text(re.sub(r"^http \{", f"http {{ {temp_paths(tmp_path)}", written, flags=re.M))
    theirs, their_words = verdict([nginx, "-t", "-q", "-p", tmp_path, "-c", nginx_s,
                                   "-e", tmp_path / "nginx.log"], tmp_path)
    ours, our_words = verdict([programs.path("tinyproxyd"), "-t", "-q", "-p", tmp_path, "-c", path,
                               "-e", tmp_path / "tinyproxyd.log"], tmp_path)
    assert (theirs, ours) == expected, f"nginx:\n{their_words}\ntinyproxyd:\n{our_words}"
