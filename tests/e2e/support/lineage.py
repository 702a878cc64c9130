# SPDX-License-Identifier: ISC
"""Lineages of a store, laid out as certbot does."""


def lineage(store, name, issued, key=None):
    """A lineage as certbot lays it out."""
    archive, live = store / "archive" / name, store / "live" / name
    archive.mkdir(parents=True)
    live.mkdir(parents=True)
    (store / "renewal").mkdir(exist_ok=True)
    chain_pem = issued.fullchain.read_bytes()[len(issued.cert.read_bytes()):]
    parts = {"cert": issued.cert.read_bytes(), "chain": chain_pem,
             "fullchain": issued.fullchain.read_bytes(), "privkey": (key or issued.key).read_bytes()}
    conf = f"version = 2.1.0\narchive_dir = {archive}\n"
    for part, content in parts.items():
        (archive / f"{part}1.pem").write_bytes(content)
        (live / f"{part}.pem").symlink_to(f"../../archive/{name}/{part}1.pem")
        conf += f"{part} = {live}/{part}.pem\n"
    (store / "renewal" / f"{name}.conf").write_text(
        conf + "[renewalparams]\nauthenticator = webroot\nwebroot_path = /var/www,\n"
        "server = https://ca.example/directory\nkey_type = ecdsa\n")
