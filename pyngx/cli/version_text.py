"""What -v, -V and -h say; imports nothing that takes time, for programs ask it often."""

from __future__ import annotations

import platform

from pyngx.version import NGINX_VERSION, VERSION

# Modules of nginx's usual build that pyngx does not have, by the names of nginx's configure script. Programs that ask
# -V for features, as nginx's own tests do, take all others of that build for present.
ABSENT = (
    "http_browser_module",
    "http_fastcgi_module",
    "http_grpc_module",
    "http_memcached_module",
    "http_scgi_module",
    "http_tunnel_module",
    "http_upstream_least_time_module",
    "http_upstream_sticky_module",
    "http_uwsgi_module",
    "http-cache",
)

# Modules that nginx's build has only where it is asked for, and pyngx always.
PRESENT = (
    "debug",
    "http_addition_module",
    "http_auth_request_module",
    "http_gunzip_module",
    "http_gzip_static_module",
    "http_random_index_module",
    "http_realip_module",
    "http_secure_link_module",
    "http_ssl_module",
    "http_stub_status_module",
)

HELP = """\
Usage: pyngx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and features then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a running process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: {prefix}/)
  -e filename   : set error log file (default: stderr)
  -c filename   : set configuration file (default: conf/pyngx.conf)
  -g directives : set global directives out of configuration file
"""


def version_lines() -> str:
    """What -v says."""
    return f"pyngx version: pyngx/{VERSION}\n"


def feature_lines() -> str:
    """What -V says beside: the nginx that we are like, what runs us, and what of nginx is missing."""
    words = " ".join([*(f"--with-{name}" for name in PRESENT), *(f"--without-{name}" for name in ABSENT)])
    python = f"{platform.python_implementation()} {platform.python_version()}"
    lines = [
        f"nginx version: nginx/{NGINX_VERSION}",
        f"run by {python} with {_openssl()}",
        "TLS SNI support enabled",
        f"configure arguments: {words}",
    ]
    return "\n".join(lines) + "\n"


def _openssl() -> str:
    """The library and its version: a twentieth of a second to ask, and nobody else wants to know."""
    from OpenSSL.SSL import OPENSSL_VERSION, OpenSSL_version  # noqa: PLC0415

    return " ".join(OpenSSL_version(OPENSSL_VERSION).decode().split()[:2])


def help_lines(prefix: str) -> str:
    """What -h says beside."""
    return HELP.format(prefix=prefix.rstrip("/"))
