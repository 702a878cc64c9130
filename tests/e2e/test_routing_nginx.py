# SPDX-License-Identifier: ISC
"""Locations, server names, rewriting, maps, error pages and files: the same bytes as from nginx.

One configuration per table, many requests through it. A response shows what was decided: each block
answers with its own name, captures and variables.
"""
import re

import pytest

from support.client import get
from support.nginx import Row, answer, normal, raw_bytes, side_by_side  # noqa: F401


def gets(*targets, host="a.example", fields=()):
    return [Row(f"GET {t}", fields=(f"Host: {host}", *fields)) for t in targets]


def hosts(*names, target="/"):
    return [row for name in names for row in gets(target, host=name)]


def files(*servers, **contents):
    """The same files below each one's directory."""
    for s in servers:
        for name, text in contents.items():
            path = s.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            for parent in path.relative_to(s.directory).parents:
                (s.directory / parent).chmod(0o755)
            path.write_text(text)
            path.chmod(0o644)


LOCATIONS = r"""
server { listen 127.0.0.1:@PORT@; server_name a.example;
    location / { return 200 "prefix /"; }
    location = / { return 200 "exact /"; }
    location /i/ { return 200 "prefix /i/";
        location ~ \.deep$ { return 200 "inner regex $uri"; }
        location /i/j/ { return 200 "prefix /i/j/"; }
        location = /i/exact.gif { return 200 "inner exact"; }
    }
    location ^~ /s/ { return 200 "no regex /s/";
        location /s/t/ { return 200 "inner prefix"; }
        location ~ in { return 200 "inner regex of no regex"; }
    }
    location ~ ^/user/(\w+)/(?<rest>.*)$ { return 200 "user $1 rest $rest 2 $2 3 $3 ${rest}x$11"; }
    location ~ \.gif$ { return 200 "gif"; }
    location ~* \.jpe?g$ { return 200 "jpeg any case"; }
    location ~ /nest/ { return 200 "outer";
        location ~ /nest/(a+) { return 200 "inner $1"; }
    }
    location ~ ^/empty(x)?$ { return 200 "[$1]"; }
    location ~ ^/nogroups { return 200 "[$1]"; }
    location "/a b" { return 200 "blank"; }
    location ~ "^/brace{2}$" { return 200 "quoted regex"; }
    location @named { return 200 named; }
    location /p/ { proxy_pass http://127.0.0.1:1; }
    location /inner/ { location /inner/p/ { proxy_pass http://127.0.0.1:1; add_header X-In yes always; } }
    location /internal/ { internal; error_page 404 /internal-page; return 200 no; }
    location /internal-page { return 200 "page for internal"; }
}
"""

NAMES = r"""
server { listen 127.0.0.1:@PORT@ default_server; server_name default.example; return 200 "default $server_name"; }
server { listen 127.0.0.1:@PORT@; server_name exact.example; return 200 exact; }
server { listen 127.0.0.1:@PORT@; server_name *.wild.example; return 200 "head $server_name"; }
server { listen 127.0.0.1:@PORT@; server_name *.long.wild.example; return 200 "longer head"; }
server { listen 127.0.0.1:@PORT@; server_name .dot.example; return 200 "dot $server_name"; }
server { listen 127.0.0.1:@PORT@; server_name tail.*; return 200 "tail"; }
server { listen 127.0.0.1:@PORT@; server_name tail.long.*; return 200 "longer tail"; }
server { listen 127.0.0.1:@PORT@; server_name ~^(?<sub>\w+)\.(re[x]+)\.example$; return 200 "regex $sub $1 $2 $server_name"; }
server { listen 127.0.0.1:@PORT@; server_name ~^w.*\.example$; return 200 "second regex"; }
server { listen 127.0.0.1:@PORT@; server_name ~^CAPS\.example$; return 200 "capitals"; }
server { listen 127.0.0.1:@PORT@; server_name ""; return 200 "no name [$host] [$http_host]"; }
server { listen 127.0.0.1:@PORT@; server_name www.wild.example ~first; return 200 "exact before wild"; }
"""

MAPS = r"""
log_format unused "$later";
map $uri $later { default "default"; /a one; /B two; "" none; ~^/n/(\d+)$ "number $1"; ~*^/any/(?<what>.+)$ "any $what";
    /var "$host-$arg_x"; ~^/n/ never; \~tilde tilde; /esc "a\"b"; }
map $host $by_host { hostnames; default d; .x.example dot; *.y.example head; z.* tail; exact.example exact; ~^r(.)\. "regex $1"; }
map "$uri:$arg_x" $joined { default no; "/a:1" "both"; }
map $later $chained { default "chain $later"; one "chain of one"; }
map $arg_v $once { default $arg_x; }
map $arg_v $each { volatile; default $arg_x; }
map $nothing_there_arg $emptied { "" "was empty"; default "was not"; }
map $arg_q $nothing_there_arg { default $arg_q; }
map $arg_e $no_default { a b; }
server { listen 127.0.0.1:@PORT@;
    location / { return 200 "$later|$by_host|$joined|$chained|$emptied|$no_default|$1|"; }
    location /cached { set $before "$once$each"; set $args "x=changed"; return 200 "$before $once $each"; }
    location /set { set $later mine; return 200 "$later $chained"; }
}
"""

REWRITES = r"""
server { listen 127.0.0.1:@PORT@; server_name a.example;
    set $from server;
    if ($arg_deny) { return 403; }
    if ($http_x_text = "a b") { set $from "text $http_x_text"; }
    rewrite ^/old/(.*)$ /new/$1;
    rewrite ^/chain1 /chain2; rewrite ^/chain2 /chain3;
    rewrite ^/srv-last/(.*) /new/$1 last;
    rewrite ^/srv-break/(.*) /new/$1 break;
    rewrite ^/gone /x?y permanent;
    location / { return 200 "root $uri?$args from $from|"; }
    location /new/ { return 200 "new $uri?$args [$1] $request_uri|"; }
    location /chain3 { return 200 "chained $uri"; }
    location /r/last/ { rewrite ^/r/last/(.*) /new/$1 last; return 200 "not reached"; }
    location /r/break/ { rewrite ^/r/break/(.*) /new/$1 break; return 200 "not reached"; }
    location /r/none/ { rewrite ^/r/none/(.*) /new/$1; return 200 "returned $uri"; }
    location /r/args { rewrite ^ /new/?a=1; }
    location /r/drop { rewrite ^ /new/? last; }
    location /r/dropadd { rewrite ^ /new/?b=2? last; }
    location /r/cap/ { rewrite ^/r/cap/(.*)$ /new/?q=$1 last; }
    location /r/redirect/ { rewrite ^/r/redirect/(.*)$ /to/$1 redirect; }
    location /r/redirq/ { rewrite ^/r/redirq/(.*)$ /to/?q=$1 redirect; }
    location /r/redird/ { rewrite ^/r/redird/(.*)$ /to/$1? redirect; }
    location /r/permanent { rewrite (.*) http://b.example$1 permanent; }
    location /r/abs { rewrite ^/r/abs(.*) https://b.example$1; }
    location /r/scheme { rewrite ^ $scheme://c.example/x; }
    location /r/uri { rewrite ^ /y?u=$uri redirect; }
    location /r/loop { rewrite ^ /r/loop/x; }
    location /r/empty { rewrite ^/r/empty$ $arg_none last; }
    location /break { set $x before; break; set $x after; }
    location /breakret { set $x 1; break; return 200 "never"; }
    location /ret/200 { return 200; }
    location /ret/204 { return 204; }
    location /ret/text { return 200 "$host $1|"; }
    location /ret/404 { return 404; }
    location /ret/404t { return 404 "own $uri"; }
    location /ret/444 { return 444; }
    location /ret/301 { return 301 /there?$args; }
    location /ret/302 { return 302 http://b.example$request_uri; }
    location /ret/303 { return 303 rel; }
    location /ret/307 { return 307 /x; }
    location /ret/308 { return 308 /x; }
    location /ret/url { return https://b.example/x; }
    location /ret/scheme { return $scheme://b.example/x; }
    location /ret/299 { return 299 odd; }
    location /ret/503 { return 503; }
    location /if/true { if ($arg_a) { return 200 "true"; } return 200 "false"; }
    location /if/eq { if ($arg_a = $arg_b) { return 200 "equal"; } return 200 "differ"; }
    location /if/ne { if ($arg_a != "x") { return 200 "not x"; } return 200 "x"; }
    location /if/re { if ($arg_a ~ ^(b+)(?<tail>.*)$) { return 200 "match $1 $tail"; } return 200 "no $tail"; }
    location /if/rei { if ($arg_a ~* ^B) { return 200 "match"; } return 200 "no"; }
    location /if/nre { if ($arg_a !~ ^b) { return 200 "no match"; } return 200 "match"; }
    location /if/nrei { if ($arg_a !~* ^B) { return 200 "no match"; } return 200 "match"; }
    location /if/method { if ($request_method = POST) { return 405; } return 200 "$request_method"; }
    location /if/set { set $v "none"; if ($arg_a) { set $v "a"; } if ($arg_b) { set $v "${v}b"; } return 200 "$v"; }
    location /if/cont { if ($arg_a) { add_header X-A yes; } if ($arg_b) { add_header X-B yes; }
        set $done "done $arg_a$arg_b"; return 200 "$done"; }
    location /if/break { if ($arg_a) { set $v in; break; } return 200 "after"; }
    location /if/rewrite { if ($arg_a) { rewrite ^ /new/from-if last; } return 200 "stays"; }
    location /if/empty { if ($arg_none = "") { return 200 "empty"; } return 200 "no"; }
    location /unset { if ($arg_no) { set $never x; } return 200 "[$never]"; }
    location /rate { set $limit_rate 4k; return 200 "$limit_rate"; }
    location /badrate { set $limit_rate fast; return 200 "$limit_rate"; }
    location /args { set $args "new=1"; return 200 "$args $is_args $query_string $arg_new"; }
    location /cond/host { if ($host ~ ^(.)\.) { set $letter $1; } return 200 "$letter"; }
    location ~ ^/keep/(.+)$ { if ($arg_a ~ x) { return 200 "cleared [$1]"; } return 200 "kept [$1]"; }
}
"""

ERRORS = r"""
server { listen 127.0.0.1:@PORT@; server_name a.example;
    error_page 404 /e404; error_page 500 502 503 /e5xx; error_page 403 = /e403; error_page 410 =200 /e410;
    error_page 405 = @named; error_page 418 =299 @named; error_page 401 https://login.example/?u=$request_uri;
    error_page 402 =301 http://pay.example/; error_page 409 /missing; error_page 411 /args?status=$status;
    error_page 400 /e400; error_page 301 /moved; error_page 416 @nosuch; error_page 422 =404 /e404;
    location = /e404 { return 200 "page for 404 $uri $request_uri $status"; }
    location = /e5xx { internal; return 200 "five hundred"; }
    location = /e403 { return 200 "forbidden page $request_method"; }
    location = /e410 { return 204; }
    location = /e400 { return 200 "bad request page"; }
    location = /args { return 200 "args $args"; }
    location = /moved { return 200 "moved here"; }
    location @named { return 202 "named $uri $request_method"; }
    location /c/ { location ~ ^/c/(?<code>\d+)$ { rewrite ^ /s$code; } }
    location = /404 { return 404; } location = /500 { return 500; } location = /502 { return 502; }
    location = /503 { return 503; } location = /403 { return 403; } location = /410 { return 410; }
    location = /405 { return 405; } location = /418 { return 418; } location = /401 { return 401; }
    location = /402 { return 402; } location = /409 { return 409; } location = /411 { return 411; }
    location = /413 { return 413; } location = /416 { return 416; } location = /422 { return 422; }
    location = /301 { return 301 /x; }
    location = /text { return 404 "has text"; }
    location /own/ { error_page 404 /own404; return 404; }
    location = /own404 { return 404; }
    location /none/ { error_page 499x /x; }
    location /loop1 { error_page 404 /loop2; return 404; }
    location /loop2 { error_page 404 /loop1; return 404; }
    location /redirecting { error_page 404 =302 /e404; return 404; }
    location /rec/ { recursive_error_pages on; error_page 404 = /own/x; return 404; }
    location /rec/off { error_page 404 = /own/x; return 404; }
    location /rec/twice { error_page 404 = /rec/x; return 404; }
    location /rec/on { recursive_error_pages on; error_page 404 = /rec/x; return 404; }
    location /rec/loop { recursive_error_pages on; error_page 404 /rec/loop; return 404; }
    location /deep { error_page 404 = /deep2; return 404; }
    location /deep2 { return 301 /elsewhere; }
    location /proxied { proxy_pass http://127.0.0.1:1; }
    location /static { root @DIR@/www; }
    location /page { error_page 404 /static/error.html; root @DIR@/www; }
    location /pagepart { error_page 404 =200 /static/error.html; root @DIR@/www; }
    location /add { error_page 404 /added; add_header X-Here outer always; return 404; }
    location /added { add_header X-There inner always; return 200 x; }
    location /secret { internal; return 200 secret; }
    location /to-secret { rewrite ^ /secret; }
}
""".replace("    location /none/ { error_page 499x /x; }\n", "")

FILES = r"""
server { listen 127.0.0.1:@PORT@; server_name a.example; root @DIR@/www;
    index index.html $arg_index /fallback.html;
    location / { }
    location /try/ { try_files $uri $uri/ $uri.html /try/default.txt; }
    location /try404/ { try_files $uri =404; }
    location /try503/ { try_files $uri =503; }
    location /trynamed/ { try_files $uri @named; }
    location /tryargs/ { try_files /nothing /a.txt?x=$arg_y; }
    location /trydir/ { try_files $uri/ /a.txt; }
    location /tryfirst/ { try_files /a.txt $uri; }
    location /trydirfile/ { try_files /dir =404; }
    location /trycycle/ { try_files /nothing /trycycle/x; }
    location @named { return 200 "named $uri $args"; }
    location /al/ { alias @DIR@/other/; }
    location /al/nested/ { alias @DIR@/www/; index a.txt; }
    location /alinner/ { alias @DIR@/other/; location /alinner/in { } }
    location ~ ^/ra/(.+)\.x$ { alias @DIR@/other/$1; }
    location ~ ^/rd/(.*)$ { alias @DIR@/other/$1; index o.txt; }
    location /altry/ { alias @DIR@/other/; try_files $uri $uri/ =404; }
    location /var/ { root @DIR@/$arg_r; }
    location /varalias/ { alias @DIR@/$arg_r/; }
    location /name { return 200 "$document_root|$request_filename|$document_uri"; }
    location /al/name { alias @DIR@/other/n; return 200 "$document_root|$request_filename"; }
    location /iff { if (-f $request_filename) { return 200 "file"; } if (-d $request_filename) { return 200 dir; }
        if (!-e $request_filename) { return 200 "nothing"; } return 200 other; }
    location /ifx { if (-x @DIR@/www/a.txt) { return 200 x; } if (!-f @DIR@/www/a.txt) { return 200 no; } return 200 fine; }
    location /types { types { text/css txt; } default_type a/b; try_files /a.txt =404; }
    location /notype { types { } default_type text/x; alias @DIR@/www/a.txt; }
    location /ifroot { if ($arg_o) { root @DIR@/other; } }
    location /iftry { try_files /a.txt =404; if ($arg_o) { add_header X-If 1; } }
    location = /fallback.html { return 200 "fallback $uri"; }
    location /rewritten/ { rewrite ^/rewritten/(.*)$ /$1 break; }
    location /rewral/ { alias @DIR@/other/; rewrite ^/rewral/(.*)$ /x/$1 break; }
    location /fallback/ { }
}
server { listen 127.0.0.1:@PORT@; server_name rel.example; absolute_redirect off; root @DIR@/www;
    location /r { return 301 /x; } location /p/ { proxy_pass http://127.0.0.1:1; } }
server { listen 127.0.0.1:@PORT@; server_name first.example named.example; server_name_in_redirect on; root @DIR@/www;
    location /r { return 301 /x; } location /abs { return 301 http://o.example/; } }
server { listen 127.0.0.1:@PORT@; server_name port.example; port_in_redirect off; root @DIR@/www;
    location /r { return 301 /x; } location /on { port_in_redirect on; return 301 /x; } }
"""

SLASHES = r"""
server { listen 127.0.0.1:@PORT@; merge_slashes off;
    location / { return 200 "$uri"; } location //x { return 200 "double $uri"; } }
"""

ACCESS = r"""
server { listen 127.0.0.1:@PORT@; listen unix:@DIR@/s.sock; server_name a.example;
    location /open { try_files /none @ok; }
    location /deny { deny all; try_files /none @ok; }
    location /allow { allow 127.0.0.1; deny all; try_files /none @ok; }
    location /net { allow 127.0.0.0/8; deny all; try_files /none @ok; }
    location /other { allow 192.0.2.0/24; allow 2001:db8::/32; allow unix:; deny all; try_files /none @ok; }
    location /one { deny 127.0.0.1; try_files /none @ok; }
    location /order { deny 127.0.0.1; allow all; try_files /none @ok; }
    location /inherit { deny all; location /inherit/own { allow all; try_files /none @ok; } location /inherit/in { try_files /none @ok; } }
    location /page { error_page 403 =200 @ok; deny all; }
    location /ret { deny all; return 200 "return comes first"; }
    location /limit { limit_except GET { deny all; } try_files /none @ok; }
    location /limitpost { limit_except POST PUT { deny all; } try_files /none @ok; }
    location /limitallow { deny all; limit_except GET { allow 127.0.0.1; deny all; } try_files /none @ok; }
    location @ok { return 200 "ok $request_method"; }
}
"""

TABLES = {
    "locations": (LOCATIONS, gets(
        "/", "/x", "/i/", "/i/x", "/i/x.gif", "/i/x.deep", "/i/j/x", "/i/j/x.deep", "/i/j/x.gif", "/i/exact.gif",
        "/s/", "/s/x.gif", "/s/t/x.gif", "/s/in.gif", "/s/t/in", "/user/joe/a/b", "/user/joe/", "/user/j%6fe/a%20b",
        "/a.gif", "/a.GIF", "/a.jpg", "/a.JPEG", "/nest/x", "/nest/aa", "/empty", "/emptyx", "/nogroups", "/a%20b/c",
        "/bracee", "/@named", "/p", "/p?x=1", "/inner/p?y", "/inner/p", "/internal/x", "/i", "/I/x", "/s", "/x%2egif",
        "//i//x", "/i/../x.gif", "/a.gif?x.jpg", "/p%20", "/user//joe/x")),
    "names": (NAMES, hosts(
        "exact.example", "EXACT.example", "exact.example:8080", "exact.example.", "a.wild.example", "a.b.wild.example",
        "wild.example", "a.long.wild.example", "long.wild.example", "dot.example", "a.dot.example", "tail.org",
        "tail.co.uk", "tail.long.org", "www.tail.org", "sub.rex.example", "sub.rexx.example", "other.example",
        "world.example", "caps.example", "CAPS.example", "www.wild.example", "xfirstx", "default.example", "unknown",
        "w.wild.example", "127.0.0.1", "[::1]", "a..b") + [
            Row("", raw=b"GET / HTTP/1.0\r\n\r\n"), Row("", raw=b"GET / HTTP/1.0\r\nHost:\r\n\r\n"),
            Row("", raw=b"GET http://exact.example/x HTTP/1.1\r\nHost: exact.example\r\nConnection: close\r\n\r\n")]),
    "maps": (MAPS, gets(
        "/", "/a", "/A", "/b", "/B", "/n/12", "/n/x", "/any/THING", "/ANY/thing", "/var?x=1", "/var", "/~tilde", "/esc",
        "/a?x=1", "/a?x=2", "/?q=1", "/?e=a", "/?e=c", "/?e=A", "/cached?x=first", "/cached?x=first&v=y", "/set", "/n/")
        + hosts("x.example", "a.x.example", "y.example", "a.y.example", "z.org", "exact.example", "ra.org", "EXACT.example",
                "a.x.example.", "none")),
    "rewrites": (REWRITES, gets(
        "/", "/?deny=1", "/?deny=0", "/old/x", "/old/x?a=b", "/old/a%20b", "/chain1", "/srv-last/x", "/srv-break/y",
        "/gone", "/gone?z", "/r/last/x", "/r/last/x?q", "/r/break/x", "/r/none/x", "/r/args", "/r/args?b=2", "/r/drop?x=1",
        "/r/dropadd?x=1", "/r/cap/a&b", "/r/cap/a%26b", "/r/cap/a%20b?c", "/r/cap/a+b", "/r/cap/%25", "/r/redirect/x",
        "/r/redirect/a%20b", "/r/redirect/a%3fb", "/r/redirect/a+b", "/r/redirect/%41%2f%25%23", "/r/redirect/x?y=z",
        "/r/redirq/a%26b?c=d", "/r/redird/x?y", "/r/permanent/x?y", "/r/abs/z?q", "/r/scheme", "/r/scheme?a", "/r/loop",
        "/r/empty", "/breakret", "/break", "/ret/200", "/ret/204", "/ret/text", "/ret/404", "/ret/404t", "/ret/444", "/ret/301",
        "/ret/301?a", "/ret/302?x", "/ret/303", "/ret/307", "/ret/308", "/ret/url", "/ret/scheme", "/ret/299", "/ret/503",
        "/if/true", "/if/true?a", "/if/true?a=", "/if/true?a=0", "/if/true?a=00", "/if/true?a=1", "/if/eq", "/if/eq?a=1&b=1",
        "/if/eq?a=1&b=2", "/if/ne?a=x", "/if/ne", "/if/re?a=bbc", "/if/re?a=c", "/if/re", "/if/rei?a=bc", "/if/rei?a=c",
        "/if/nre?a=bc", "/if/nre?a=c", "/if/nrei?a=bc", "/if/nrei", "/if/method", "/if/set", "/if/set?a=1", "/if/set?b=1",
        "/if/set?a=1&b=1", "/if/cont?a=1", "/if/cont?b=1", "/if/cont?a=1&b=1", "/if/cont", "/if/break", "/if/break?a=1",
        "/if/rewrite", "/if/rewrite?a=1", "/if/empty", "/unset", "/rate", "/badrate", "/args", "/args?old", "/cond/host", "/keep/x", "/keep/x?a=x")
        + [Row("POST /if/method", body=b"x"), Row("GET /", fields=("X-Text: a b",)), Row("HEAD /ret/text"),
           Row("HEAD /ret/404"), Row("POST /r/last/x", body=b"body")]),
    "errors": (ERRORS, gets(
        "/404", "/500", "/502", "/503", "/403", "/410", "/405", "/418", "/401", "/401?a=b", "/402", "/409", "/411", "/413",
        "/416", "/422", "/301", "/text", "/own/x", "/rec/", "/rec/off", "/rec/twice", "/rec/on", "/rec/loop", "/e404", "/e5xx", "/loop1", "/redirecting", "/deep", "/proxied", "/static/none",
        "/static/a.txt", "/page/none", "/pagepart/none", "/add", "/secret", "/to-secret", "/unknown")
        + [Row("HEAD /404"), Row("POST /403", body=b"xyz"), Row("POST /405", body=b"xyz"), Row("HEAD /405"),
           Row("GET /pagepart/none", fields=("Range: bytes=0-3",)),
           Row("GET /page/none", fields=("Range: bytes=0-3",)),
           Row("GET /page/none", fields=("If-None-Match: *",)),
           Row("", raw=b"GET /\x01 HTTP/1.1\r\nHost: a.example\r\n\r\n")]),
    "files": (FILES, gets(
        "/", "/a.txt", "/dir", "/dir/", "/dir?x=1", "/empty/", "/empty/?index=e.txt", "/none", "/try/a", "/try/page", "/try/dir",
        "/try/dir/", "/try/dirx", "/try/in.txt", "/try404/none", "/try404/in.txt", "/try503/x", "/trynamed/x?q=1", "/tryargs/?y=2",
        "/trydir/dir", "/trydir/none", "/tryfirst/x", "/trydirfile/x", "/trycycle/x", "/al/o.txt", "/al/", "/al/sub", "/al/sub/",
        "/al/none", "/al/nested/", "/al/nested/a.txt", "/alinner/in.txt", "/alinner/o.txt", "/ra/o.txt.x", "/ra/none.x", "/rd/",
        "/rd/o.txt", "/rd/sub", "/altry/o.txt", "/altry/sub", "/altry/sub/", "/altry/none", "/var/v.txt?r=www", "/var/v.txt?r=none",
        "/var/v.txt?r=..", "/varalias/o.txt?r=other", "/varalias/a.txt?r=www", "/iff", "/iffile", "/iffdir", "/iffnone", "/ifx",
        "/types", "/notype", "/ifroot?o=1", "/ifroot", "/ifroot/r.txt", "/ifroot/r.txt?o=1", "/iftry", "/iftry?o=1", "/fallback.html",
        "/fallback/", "/rewritten/a.txt", "/rewritten/dir", "/rewritten/dir/", "/rewral/o.txt", "/dir/../a.txt")
        + hosts("rel.example", target="/r") + hosts("rel.example", target="/dir") + hosts("rel.example", target="/p")
        + hosts("first.example", "named.example", target="/r") + hosts("named.example", target="/dir")
        + hosts("named.example", target="/abs") + hosts("port.example", target="/r") + hosts("port.example", target="/dir")
        + hosts("port.example", target="/on") + [Row("POST /try404/in.txt", body=b"x"), Row("HEAD /try/page"),
                                                 Row("PUT /a.txt", body=b"x"), Row("POST /trynamed/x", body=b"xyz")]),
    "slashes": (SLASHES, gets("//x//y", "/a//b/./c", "/a//../b", "//", "/x", "/%2f/x")),
    "access": (ACCESS, gets(
        "/open", "/deny", "/allow", "/net", "/other", "/one", "/order", "/inherit", "/inherit/own", "/inherit/in", "/page", "/ret",
        "/limit", "/limitpost", "/limitallow")
        + [Row(f"{m} {t}", body=b"x" if m in ("POST", "PUT") else b"") for m in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
           for t in ("/limit", "/limitpost", "/limitallow")]),
}

CONTENT = {
    "www/a.txt": "a text\n", "www/dir/index.html": "index of dir\n", "www/empty/e.txt": "named index\n", "www/try/page.html": "page\n",
    "www/try/in.txt": "in\n", "www/try404/in.txt": "in\n", "www/try/default.txt": "default\n", "www/try/dir/index.html": "try index\n",
    "www/trydir/dir/index.html": "d\n", "other/o.txt": "other text\n", "other/index.html": "other index\n", "other/in.txt": "inner\n",
    "other/sub/index.html": "sub index\n", "www/var/v.txt": "v\n", "www/iffile": "f", "www/iffdir/x": "x", "www/ifroot/r.txt": "www r\n",
    "other/ifroot/r.txt": "other r\n", "www/static/a.txt": "static\n", "www/static/error.html": "<p>the error page</p>\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_same_as_nginx(name, side_by_side):
    config, rows = TABLES[name]
    ours, nginx = side_by_side(config)
    ours.expect_alerts = True  # an alias in a location whose path was rewritten is one, as in nginx
    files(ours, nginx, **CONTENT)
    here, there = str(ours.directory).encode(), str(nginx.directory).encode()
    different = []
    for row in rows:
        data = raw_bytes(row)
        mine, theirs = (answer(s.port, data) for s in (ours, nginx))
        mine, theirs = same_place(mine, here, ours.port), same_place(theirs, there, nginx.port)
        if mine != theirs:
            different.append(f"{data!r}\n  nginx {theirs!r}\n  ours  {mine!r}")
    assert not different, f"{len(different)} of {len(rows)} differ:\n" + "\n".join(different)


def test_expressions_hold_over_reloads(tinyproxyd, free_port):
    """A worker in its sandbox may not make machine code: what it loads later is interpreted, to the same end."""
    port = free_port()
    config = """http { map $uri $m { ~^/m(?<n>\\d) "m$n"; } server { listen 127.0.0.1:%d;
        location ~* ^/(a+)$ { return 200 "%%s $1"; } location / { return 200 "%%s $m"; } } }""" % port
    proxy = tinyproxyd(config % ("one", "one"))
    for name in ("one", "two", "three"):
        proxy.reload(config % (name, name))
        assert get(port, "/AA").body == f"{name} AA".encode()
        assert get(port, "/m7").body == f"{name} m7".encode()


def test_an_expression_that_takes_too_long_fails_its_request(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("""http { server { listen 127.0.0.1:%d; location ~ ^/(([a-z])+.)+[A-Z]([a-z])+$ { return 200; }
        location / { return 200 "fine"; } } }""" % port)
    proxy.expect_alerts = True
    assert get(port, "/" + "a" * 4000).status == 500
    assert proxy.wait_for_error(r"regular expression gave up")
    assert get(port, "/ok").body == b"fine"


def same_place(data, directory, port):
    """An answer without directory, port and times, which differ between the two."""
    whole = normal(data.replace(directory, b"DIR"), port)
    if directory in data:
        whole = re.sub(rb"(\r\nContent-Length: )\d+", rb"\g<1>N", whole)
    whole = re.sub(rb'\r\nETag: "[^"]*"', b'\r\nETag: "E"', whole)
    return re.sub(rb"\r\nLast-Modified: [^\r]*", b"\r\nLast-Modified: L", whole)
