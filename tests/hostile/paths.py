"""Targets that mean one place to the proxy and another to who answers: files, and upstreams."""

from __future__ import annotations

from tests.hostile.site import SMUGGLED, Case, head

CLIMBS_400 = (
    "/..", "/../", "/../secret.txt", "/static/../../secret.txt", "/%2e%2e/secret.txt", "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt", "/static/..%2f..%2fsecret.txt", "/static/%2e%2e/%2e%2e/secret.txt",
    "/static/%2e./.%2e/secret.txt", "/./../secret.txt", "//../secret.txt", "/static//../../../secret.txt",
    "/static/%2f%2f../../../secret.txt", "/files/../../secret.txt", "/files%2f..%2f..%2fsecret.txt",
    "/re/../../../secret.txt", "/re/..%2f..%2f..%2fsecret.txt", "/tried/..%2f..%2fsecret.txt",
)  # fmt: skip
BROKEN_400 = (
    "/%", "/%2", "/%zz", "/%2g", "/%%32", "/%u002e%u002e/", "/%00", "/static/a.txt%00", "/static/a.txt%00.html",
    "/static/%00/a.txt", "/%c0%00", "/% 2e", "/%-2e", "/%\x00", "/static/a.txt%", "/static/..%00/", "/.%00./", "/%2%65",
    "/%e", "/up?%00\x00", "/up?a\x01", "/up?a\x7f", "/up\x7f", "/up?a b",
)  # fmt: skip
# Dots in disguise, which resolve for some servers behind us and not for others.
DISGUISED_400 = (
    "/up/..;/private", "/up/..;x=y/private", "/up/.;/private", "/up/%2e%2e;/private", "/up/..%3b/private",
    "/up/.%2e;/x", "/..;/secret.txt", "/static/..;/..;/secret.txt", "/up/..;", "/up\\..\\private", "/up/..\\private",
    "/up/..%5cprivate", "/up%5c..%5cprivate", "/up/%2e%2e%5cprivate", "/up/\\../private", "/up/..\\",
    "/static/..%5c..%5csecret.txt", "/up/.\\.\\x", "/up/%c0%ae%c0%ae/private", "/up/%c0%ae%c0%ae%c0%afprivate",
    "/up/..%c0%afprivate", "/up/%e0%80%ae%e0%80%ae/private", "/up/%f0%80%80%ae/private", "/up/..%c1%9cprivate",
    "/up/\xc0\xae\xc0\xae/x", "/static/%c0%ae%c0%ae/a",
)  # fmt: skip
MISSING_404 = (
    "/static/...", "/static/.../a.txt", "/static/..a.txt", "/static/a.txt.", "/static/a.txt/", "/static/a.txt/.",
    "/static/a.txt/x", "/static/%2520", "/static/%252e%252e/secret.txt", "/static/..%252fsecret.txt",
    "/static/%25%32%65%25%32%65/secret.txt", "/static/\\a.txt", "/static/a.txt;x=y", "/static/;/a.txt", "/static/~root",
    "/static/$HOME", "/static/`id`", "/static/a.txt%20", "/static/%0d%0aX:y", "/re/a.txt/../b", "/static/a.txt:$DATA",
    "/static/con", "/static/%ff%fe", "/static/\xff", "/static/%ef%bc%8e%ef%bc%8e/secret.txt",
    "/static/%E2%80%A5/secret.txt", "/static/" + "a" * 300, "/static/" + "a/" * 2000 + "x",
)  # fmt: skip
# Off by a slash: the prefix lacks one that its replacement has.
ALIASES = (
    "/files../secret.txt", "/files../files/a.txt", "/files..", "/files.%2e/secret.txt", "/files%2e%2e/secret.txt",
    "/files..%2fsecret.txt", "/files./a.txt", "/files.",
)  # fmt: skip
APIS = ("/api../private", "/api..", "/api%2e%2e/private", "/api..%2fprivate", "/api./private", "/api.")
STATIC_200 = (
    "/static/a.txt", "/static//a.txt", "/static/./a.txt", "/static/x/../a.txt", "/static/%61.txt",
    "/static/x%2f..%2fa.txt", "/%73tatic/a.txt", "/static/a.txt?../../secret.txt", "/files/a.txt", "/re/a.txt",
    "/private/../static/a.txt", "/static/a%2etxt", "/static/a.txt?%00", "/static%2fa.txt", "/listed/a.txt",
    "/tried/a.txt", "/static/a.txt#../x", "/.//static/a.txt",
)  # fmt: skip
# What is passed on as it came: the path that was asked for is the one that was looked up.
RAW = {
    "/up": "/up", "/up/a%20b": "/up/a%20b", "/up/a%2Fb": "/up/a%2Fb", "/up//a": "/up//a", "/up/%41": "/up/%41",
    "/up?a=../b": "/up?a=../b", "/up/a?%0d%0aX:y": "/up/a?%0d%0aX:y", "/up/./a/../b": "/up/./a/../b",
    "/up/%252e%252e/x": "/up/%252e%252e/x", "/up/a;x=y/b": "/up/a;x=y/b", "/up/...": "/up/...",
    "/up/%0d%0aX:y": "/up/%0d%0aX:y", "/up/\xc3\xa9": "/up/\xc3\xa9", "/up/a\\b": "/up/a\\b", "/up/%5cb": "/up/%5cb",
}  # fmt: skip
# What hides where it leads is passed on as it was looked up.
RESOLVED = {
    "/private/%2e%2e/up": "/up", "/private/.%2e/up": "/up", "/private/..%2fup": "/up", "/private%2f..%2fup": "/up",
    "/x/%2e/up/../../up/a%20b": "/up/a%20b", "/up/%2e%2e%2fup%3fa": "/up%3Fa", "/up/x/%2E%2E?q=%20": "/up/?q=%20",
    "/up#/../private": "/up", "/up?a#/../private": "/up?a", "/up/x%23/..#x": "/up/",
}  # fmt: skip
URI = {
    "/uri/x": "/base/x", "/uri/a%20b": "/base/a%20b", "/uri/%0d%0aX:y": "/base/%0D%0AX:y", "/uri/a%2fb": "/base/a/b",
    "/uri/%3fq": "/base/%3Fq", "/uri/%23f": "/base/%23f", "/uri/%25%32%65": "/base/%252e", "/uri/x/../y": "/base/y",
    "/uri//x": "/base/x", "/uri/%7f": "/base/%7F",
}  # fmt: skip
PRIVATE = (
    "/%70rivate", "//private", "/./private", "/up/../private", "/up/%2e%2e/private", "/up%2f..%2fprivate", "/private/",
    "/private#x", "/private?x", "/up/..//private", "http://t/private",
)  # fmt: skip


def passed(target: str, line: str) -> Case:
    return Case(head(f"GET {target}"), 200, ((f"GET {line} HTTP/1.1", b""),))


CASES = {
    **{f"climbs {target!r}": Case(head(f"GET {target}") + SMUGGLED) for target in CLIMBS_400},
    **{f"broken {target!r}": Case(head(f"GET {target}") + SMUGGLED) for target in BROKEN_400},
    **{f"disguised {target!r}": Case(head(f"GET {target}") + SMUGGLED) for target in DISGUISED_400},
    **{f"missing {target[:40]!r}": Case(head(f"GET {target}"), 404) for target in MISSING_404},
    **{f"alias {target!r}": Case(head(f"GET {target}"), 400, ends=True) for target in ALIASES},
    **{f"api {target!r}": Case(head(f"GET {target}"), 400, ends=True) for target in APIS},
    **{f"file {target!r}": Case(head(f"GET {target}"), 200) for target in STATIC_200},
    **{f"passed {target!r}": passed(target, line) for target, line in RAW.items()},
    **{f"resolved {target!r}": passed(target, line) for target, line in RESOLVED.items()},
    **{f"replaced {target!r}": passed(target, line) for target, line in URI.items()},
    "private": Case(head("GET /private"), 403),
    **{
        f"private {target!r}": Case(head(f"GET {target}"), 403)
        for target in PRIVATE
    },
}  # fmt: skip
