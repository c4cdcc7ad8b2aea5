"""Random directives that change what is sent: gzip, charsets, SSI, additions, lists of directories."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from tests.oracle.random_words import URIS, Place, Texts, formed, one_of

COMMON = """
    charset_map koi8-r windows-1251 { C3 C1; A9 61; E0 C3; }
    charset_map koi8-r utf-8 { C1 D0B0; E1 D090; 61 C3A9; }
    charset_map windows-1251 utf-8 { E0 D0B0; A9 C2A9; }
    gzip_min_length 0;
    map $arg_a $charset { default utf-8; x koi8-r; one windows-1251; off off; }
"""


@cache
def filters(place: Place) -> Texts:
    """Directives."""
    both = [
        one_of("gzip on;", "gzip on;", "gzip off;"),
        formed("charset {};", one_of("utf-8", "koi8-r", "windows-1251", "off", "$charset")),
        one_of("ssi on;", "ssi on;", "ssi off;"),
    ]
    if place.in_if:
        return st.one_of(*both)
    rest = [
        one_of("gzip on; gzip_types *; gzip_proxied any; gzip_vary on;", "ssi on; ssi_types *;"),
        one_of("gunzip on;", "gzip_vary on;", "gzip_static on;", "gzip_static always;"),
        formed("{} {};", one_of("add_before_body", "add_after_body"), URIS),
        one_of("autoindex on;", "autoindex on;"),
        formed("gzip_types {};", one_of("*", "text/plain", "text/u text/f", "text/x-y")),
        formed(
            "gzip_proxied {};", one_of("any", "off", "expired", "no-cache no-store", "private auth", "no_etag expired")
        ),
        one_of("gzip_http_version 1.0;", "gzip_comp_level 9;", "gzip_min_length 12;", 'gzip_disable "^t$";'),
        formed("source_charset {};", one_of("koi8-r", "windows-1251", "utf-8")),
        one_of("charset_types *;", "charset_types text/u;", "override_charset on;"),
        one_of("ssi_types *;", "ssi_types text/plain;", "ssi_silent_errors on;", "ssi_last_modified on;"),
        one_of("addition_types *;", "addition_types text/plain;"),
        one_of("autoindex_format json;", "autoindex_format xml;", "autoindex_localtime on;"),
        one_of("empty_gif;") if place.kind not in {"server", "http"} else one_of("gzip_buffers 4 4k;"),
    ]
    return st.one_of(*both, *rest)
