# SPDX-License-Identifier: ISC
"""Small configurations, for tests that are not about what is in them."""
import socket


def _workers(count):
    return f"worker_processes {count};\n" if count else ""


def site(port, text="one", more="", workers=None):
    """A server that answers everything with `text`; `more` goes into the http block."""
    return (f"{_workers(workers)}"
            f"http {{ server {{ listen 127.0.0.1:{port}; location / {{ return 200 {text}; }} }} {more} }}")


def tls_site(port, *certs, workers=None):
    """A TLS server for each (name, Issued), which answers with the name."""
    servers = "".join(f"""
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name {name};
        ssl_certificate {cert.fullchain};
        ssl_certificate_key {cert.key};
        location / {{ return 200 {name}; }}
    }}""" for name, cert in certs)
    return f"{_workers(workers)}http {{ {servers}\n}}"


def refuses(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return False
    except ConnectionRefusedError:
        return True
