# SPDX-License-Identifier: ISC
"""A proxy with one server before one backend, and room for more in each place of its configuration."""
import pytest


def site(listen, locations, main="", before="", server=""):
    return f"""{main}
http {{
    {before}
    server {{
        listen {listen};
        {server}
        {locations}
    }}
}}"""


@pytest.fixture
def proxy(tinyproxyd, free_port):
    """proxy(upstream_port, inside="", options="", **site) → port; proxy.daemon is the Tinyproxyd."""
    def make(upstream, inside="", options="", **more):
        port = free_port()
        make.daemon = tinyproxyd(site(f"127.0.0.1:{port} {options}", f"""location / {{
            proxy_pass http://127.0.0.1:{upstream}; {inside} }}""", **more))
        return port
    return make
