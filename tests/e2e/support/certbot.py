# SPDX-License-Identifier: ISC
"""The real certbot, shut into a directory of its own."""
import pathlib

from .process import run


class Certbot:
    def __init__(self, directory, pebble, config_dir=None):
        base = pathlib.Path(directory)
        self.config_dir = pathlib.Path(config_dir or base / "letsencrypt")
        self.common = ["--config-dir", self.config_dir, "--work-dir", base / "work",
                       "--logs-dir", base / "logs", "--non-interactive",
                       "--no-random-sleep-on-renew"]
        self.pebble = pebble

    def __call__(self, subcommand, *arguments, check=0):
        """certbot SUBCOMMAND ARGUMENTS… against the test's pebble; returns Finished(code, out, err)."""
        server = [] if subcommand in ("certificates",) else ["--server", self.pebble.directory_url]
        common = [word for word in self.common
                  if subcommand == "renew" or word != "--no-random-sleep-on-renew"]
        return run(["certbot", subcommand, *common, *server, *arguments],
                   env={"REQUESTS_CA_BUNDLE": str(self.pebble.ca_file), "no_proxy": "*"},
                   deadline_s=120, check=check)

    def certonly(self, webroot, *names, arguments=(), check=0):
        return self("certonly", "--agree-tos", "--register-unsafely-without-email", "--webroot",
                    "-w", webroot, *[word for name in names for word in ("-d", name)], *arguments,
                    check=check)

    def renew(self, *arguments, check=0):
        return self("renew", *arguments, check=check)
