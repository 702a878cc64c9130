# SPDX-License-Identifier: ISC
"""A second, independent CA: Caddy's acme_server. It validates at port 80 and nowhere else, so all of it runs in a network
of its own, where that port is free."""
import json

from support import programs
from support.certs import key_matches, load_certificates
from support.process import run

SCRIPT = """set -e
ip link set lo up
mount --bind $TOP/hosts /etc/hosts
python3 -m http.server --bind 127.0.0.1 --directory $TOP/www 80 >$TOP/www.log 2>&1 &
caddy run --config $TOP/Caddyfile --adapter caddyfile >$TOP/caddy.log 2>&1 &
for port in 80 4443; do
	curl -s --retry 100 --retry-delay 1 --retry-connrefused -o $TOP/probe http://127.0.0.1:$port/
done
ca="--ca-file $TOP/data/caddy/pki/authorities/local/root.crt"
issue="$BIN/acme-issue --config-dir $TOP/le --server https://ca.example:4443/acme/local/directory $ca"
$issue --agree-tos -w $TOP/www -d a.example -d b.example --json >$TOP/issued.json
$BIN/acme-renew --config-dir $TOP/le --force-renewal --json >$TOP/renewed.json
$BIN/acme-account show --config-dir $TOP/le $ca --json >$TOP/account.json
"""


def test_caddy_issues_and_renews(tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "hosts").write_text("127.0.0.1 localhost ca.example a.example b.example\n")
    (tmp_path / "Caddyfile").write_text(f"""{{
    admin off
    skip_install_trust
    auto_https disable_redirects
    storage file_system {tmp_path}/data/caddy
}}
https://ca.example:4443 {{
    tls internal
    acme_server
}}
""")
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    # -p: what the script starts ends with it.
    done = run(["unshare", "-rmnpf", "--kill-child", "--mount-proc", "sh", script], deadline_s=180,
               env={"TOP": str(tmp_path), "BIN": str(programs.path("acme-issue").parent),
                    "XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path),
                    "no_proxy": "*"})
    logs = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert done.code == 0, done.out + done.err + logs
    for name in ("issued", "renewed"):
        told = json.loads((tmp_path / f"{name}.json").read_text())
        assert told["lineages"][0]["outcome"] == "issued"
    live = tmp_path / "le" / "live" / "a.example"
    assert (live / "cert.pem").resolve().name == "cert2.pem"
    assert key_matches(live / "fullchain.pem", live / "privkey.pem")
    leaf = load_certificates(live / "fullchain.pem")[0]
    assert "Caddy Local Authority" in leaf.issuer.rfc4514_string()
    assert json.loads((tmp_path / "account.json").read_text())["status"] == "valid"
