"""Words that random configurations and random requests have in common, so that they meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st

Texts = st.SearchStrategy[str]

PIECES = ("/a", "/b", "/a/", "/", "/ab", "/dir", "/c.txt", "/d.php", "/x", "/deep", "/e", "/B")
NAMES = ("localhost", "a.test", "x.b.test", "www.z", "one.sub.test", "c.test", "w.c.test", "unknown", "A.TEST.")
STATUSES = (
    "200",
    "200",
    "201",
    "204",
    "301",
    "302",
    "303",
    "304",
    "400",
    "403",
    "404",
    "405",
    "410",
    "500",
    "502",
    "503",
    "444",
    "299",
    "307",
)
VARIABLES = (
    *("$uri", "$args", "$request_uri", "$host", "$http_host", "$request_method", "$is_args", "$arg_a", "$arg_b"),
    *("$cookie_c", "$http_x_y", "$scheme", "$server_name", "$server_port", "$document_uri", "$query_string"),
    *("$request_filename", "$document_root", "$status", "$1", "$2", "$s", "$t", "$m", "$n", "$h", "$name", "$sub"),
    *("$1", "$s", "$args", "$uri", "$content_type", "$server_protocol", "$proxy_host"),
    *("$upstream_status", "$upstream_http_x_up", "$sent_http_x_a", "$is_request_port", "$request_port", "${arg_a}y"),
    *("$request", "$http_cookie", "$arg_empty", "$sent_http_location", "$https", "$remote_user", "$request_completion"),
    *("$remote_addr", "$realip_remote_addr", "$invalid_referer", "$secure_link", "$secure_link_expires", "$g", "$f"),
    *("$r", "$p", "$v", "$start", "$limit_req_status", "$limit_conn_status", "$sent_http_etag", "$remote_user"),
    *("$got", "$3", "$realpath_root", "$sent_http_content_type", "$body_bytes_sent", "$proxy_port", "$http_user_agent"),
)
LITERALS = ("a", "/", "x", "-", "|", "?", "=", "&", ":", " ", "%20", "b.c", "é", "#", "+", "%")


@dataclass(frozen=True)
class Place:
    """Where directives stand, which says what may stand there."""

    kind: str  # server, prefix, exact, regex, named
    depth: int = 0
    in_if: bool = False

    @property
    def may_have_uri(self) -> bool:
        return self.kind in {"prefix", "exact"} and not self.in_if


def one_of(*texts: str) -> Texts:
    return st.sampled_from(texts)


def formed(form: str, *parts: Texts) -> Texts:
    """A text with drawn parts in it."""
    return st.tuples(*parts).map(lambda drawn: form.format(*drawn))


@cache
def pieces(minimum: int, maximum: int) -> st.SearchStrategy[list[str]]:
    """Segments of paths."""
    return st.lists(st.sampled_from(PIECES), min_size=minimum, max_size=maximum)


PATHS = pieces(1, 3).map("".join)
URIS = st.one_of(
    PATHS, PATHS.map(lambda path: f"{path}?{'q=1'}"), one_of("/", "/a", "/a/b", "/dir/", "/c.txt", "/deep")
)


@cache
def template() -> st.SearchStrategy[str]:
    """A text with variables."""
    part = st.one_of(st.sampled_from(VARIABLES), st.sampled_from(VARIABLES), st.sampled_from(LITERALS))
    return st.lists(part, min_size=1, max_size=4).map(_joined)


@cache
def attached() -> st.SearchStrategy[str]:
    """What a redirect may begin with."""
    return st.sampled_from(("/", "http://", "https://a.test", "$scheme://${host}", "", "//", "x", "HTTP://"))


def _joined(parts: list[str]) -> str:
    """A variable's name ends where a letter follows that isn't its own."""
    text = ""
    for part in parts:
        if text and part[0].isalnum() and "$" in text and (text[-1].isalnum() or text[-1] == "_"):
            text += "-"
        text += part
    return text
