# SPDX-License-Identifier: ISC
"""Chromium without a screen, in a profile of its own."""

CHROMIUM = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
            "--no-first-run", "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
            "--disable-sync"]


def open_page(start, directory, url, hosts=None):
    """A browser at a page, whatever certificates it meets; hosts: {"a.example:443": port here}."""
    rules = ",".join(f"MAP {name} 127.0.0.1:{port}" for name, port in (hosts or {}).items())
    return start("chromium", [*CHROMIUM, "--ignore-certificate-errors", f"--host-resolver-rules={rules}",
                              f"--user-data-dir={directory}/profile", url])
