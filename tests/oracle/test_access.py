"""Who is let in: addresses, passwords, satisfy, limit_except, internal, symbolic links; as nginx has it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.backend import Reply
from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, shown, words

pytestmark = needs_nginx

USERS = """\
# who may
plain:{PLAIN}secret
plain:{PLAIN}other
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
ssha:{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0
apr:$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.
md5:$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/
sha256:$5$saltsalt$gOjOtoMpVhru2uyjeJSEc/JaLQWOXMNmlOnj6T4AtC.
sha512:$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/
des:sa3tHJ3/KuYvI
yescrypt:$y$j9T$abcdefgh$79JhsKZwfY/UU2qrk3QcffpHl7EyEEJK0pA5pD1wu73
comment:{PLAIN}secret:a comment
empty:
broken:$1$
nothing
last:{PLAIN}secret"""
CONFIGURATION = """
    map $arg_realm $realm { default $arg_realm; "" "a realm"; }
    server {
        listen LISTEN0; server_name localhost; root ROOT; auth_basic_user_file ROOT/users;
        location /basic/ { auth_basic "a realm"; alias ROOT/; }
        location /realm/ { auth_basic $realm; alias ROOT/; }
        location /quoted/ { auth_basic 'a "realm"'; alias ROOT/; }
        location /emptyrealm/ { auth_basic ""; alias ROOT/; }
        location /file/ { auth_basic x; auth_basic_user_file ROOT/$arg_file; alias ROOT/; }
        location /inherit/ {
            auth_basic outer; alias ROOT/;
            location /inherit/off/ { auth_basic off; alias ROOT/; }
            location /inherit/if/ { if ($arg_x) { set $x 1; } alias ROOT/; }
            location /inherit/return/ { return 200 open; }
        }
        location /limited/ { auth_basic x; alias ROOT/; limit_except GET { auth_basic y; } }
        location /limitedoff/ { auth_basic x; alias ROOT/; limit_except GET { auth_basic off; } }
        location /page/ { auth_basic x; error_page 401 /echo; alias ROOT/; }
        location /pagecode/ { auth_basic x; error_page 401 =200 /echo; alias ROOT/; }
        location /pagenamed/ { auth_basic x; error_page 401 = @named; alias ROOT/; }
        location /pageurl/ { auth_basic x; error_page 401 http://e.example/login; alias ROOT/; }
        location /page403/ { auth_basic x; auth_basic_user_file ROOT/none; error_page 403 =202 /echo; alias ROOT/; }
        location /pageproxy/ { auth_basic x; error_page 401 @proxied; alias ROOT/; }
        location @named { return 402 "named"; }
        location @proxied { proxy_pass http://<front>; }
        location /echo { return 200 "$uri|$remote_user|$request_method"; }
        location /user { return 200 "$remote_user|$http_authorization"; }
        location /any/ {
            satisfy any; alias ROOT/;
            location /any/in/ { allow 127.0.0.0/8; deny all; auth_basic x; alias ROOT/; }
            location /any/out/ { deny all; auth_basic x; alias ROOT/; }
            location /any/other/ { deny 10.0.0.0/8; auth_basic x; alias ROOT/; }
            location /any/address/ { deny all; alias ROOT/; }
            location /any/nobody/ { alias ROOT/; }
            location /any/off/ { deny all; auth_basic off; alias ROOT/; }
            location /any/gone/ { deny all; auth_basic x; auth_basic_user_file ROOT/none; alias ROOT/; }
            location /any/gonein/ { allow all; auth_basic x; auth_basic_user_file ROOT/none; alias ROOT/; }
            location /any/directory/ { deny all; auth_basic x; auth_basic_user_file ROOT/; alias ROOT/; }
            location /any/page/ { deny all; auth_basic x; error_page 401 =200 /echo; alias ROOT/; }
            location /any/page403/ { deny all; error_page 403 =200 /echo; alias ROOT/; }
            location /any/limited/ { auth_basic x; limit_except GET { deny all; } alias ROOT/; }
            location /any/if/ { deny all; if ($arg_x) { set $x 1; } auth_basic x; alias ROOT/; }
        }
        location = /asked {
            if ($request_uri ~ 200$) { return 204; } if ($request_uri ~ 403$) { return 403; }
            if ($request_uri ~ 500$) { return 500; }
            add_header WWW-Authenticate Other always; return 401;
        }
        location /ask/ {
            auth_request /asked; alias ROOT/;
            location /ask/any/ { satisfy any; alias ROOT/; }
            location /ask/in/ { satisfy any; allow all; alias ROOT/; }
            location /ask/out/ { satisfy any; deny all; alias ROOT/; }
            location /ask/basic/ { satisfy any; auth_basic x; alias ROOT/; }
            location /ask/both/ { satisfy any; deny all; auth_basic x; alias ROOT/; }
            location /ask/all/ { deny 10.0.0.0/8; auth_basic x; alias ROOT/; }
            location /ask/page/ { satisfy any; auth_basic x; error_page 401 =200 /echo; alias ROOT/; }
        }
        location /all/ {
            satisfy all; auth_basic x; alias ROOT/;
            location /all/in/ { allow 127.0.0.1; deny all; alias ROOT/; }
            location /all/out/ { deny 127.0.0.1; alias ROOT/; }
            location /all/try/ { deny 127.0.0.1; try_files /echo =404; }
        }
        location /rules/ {
            deny all; alias ROOT/;
            location /rules/own/ { allow 127.0.0.1; alias ROOT/; }
            location /rules/none/ { alias ROOT/; }
            location /rules/order/ { deny 127.0.0.0/8; allow 127.0.0.1; alias ROOT/; }
            location /rules/orders/ { allow 127.0.0.1; deny 127.0.0.0/8; alias ROOT/; }
            location /rules/six/ { deny ::/0; alias ROOT/; }
            location /rules/unix/ { deny unix:; alias ROOT/; }
            location /rules/zero/ { deny 0.0.0.0/0; alias ROOT/; }
            location /rules/return/ { return 200 open; }
            location /rules/rewrite/ { rewrite ^ /echo last; }
            location /rules/page/ { error_page 403 /echo; alias ROOT/; }
            location /rules/pagedenied/ { error_page 403 /rules/none/a.txt; alias ROOT/; }
        }
        location /le/ {
            alias ROOT/;
            location /le/get/ { limit_except GET { deny all; } alias ROOT/; }
            location /le/head/ { limit_except HEAD { deny all; } alias ROOT/; }
            location /le/post/ { limit_except POST put { deny all; } alias ROOT/; }
            location /le/return/ { limit_except GET { deny all; } return 200 rewritten; }
            location /le/proxy/ { limit_except GET { proxy_pass http://<back>; } proxy_pass http://<front>; }
            location /le/proxied/ { limit_except GET { proxy_pass http://<back>; } alias ROOT/; }
            location /le/inherit/ { proxy_pass http://<front>/x/; limit_except GET { allow all; } }
            location /le/denied/ { proxy_pass http://<front>/x/; limit_except GET { deny all; } }
            location /le/if/ { if ($arg_x) { return 200 if; } limit_except GET { deny all; } alias ROOT/; }
            location /le/try/ { try_files /echo =402; limit_except GET { allow all; } }
            location /le/page/ { limit_except GET { deny all; } error_page 403 /le/get/a.txt; alias ROOT/; }
            location /le/page405/ { limit_except GET { allow all; } error_page 405 =200 /echo; alias ROOT/; }
            location /le/size/ { client_max_body_size 1; limit_except GET { deny all; } alias ROOT/; }
        }
        location = /internal { internal; return 200 internal; }
        location /internal/ { internal; alias ROOT/; }
        location /to/ {
            location /to/rewrite { rewrite ^ /internal/a.txt last; }
            location /to/error { error_page 403 /internal; return 403; }
            location /to/try { try_files /none /internal; }
            location /to/accel { proxy_pass http://<accel>/; }
            location /to/index/ { alias ROOT/; index /internal; }
            location /to/page404 { error_page 404 =200 /internal/none; internal; }
        }
        location /links/ {
            disable_symlinks on from=ROOT; alias ROOT/;
            location /links/owner/ { disable_symlinks if_not_owner from=ROOT; alias ROOT/; }
            location /links/off/ { disable_symlinks off; alias ROOT/; }
            location /links/from/ { disable_symlinks on from=ROOT/folderlink; alias ROOT/; }
            location /links/try/ { root ROOT; try_files /link /folderlink/a.txt /echo; }
            location /links/index/ { alias ROOT/; index link a.txt; }
            location /links/missing/ { alias ROOT/; index none.html link; }
        }
    }
    server {
        listen LISTEN1; server_name localhost; root ROOT; auth_basic everywhere; auth_basic_user_file ROOT/users;
        location /if/ { alias ROOT/; if ($arg_open) { return 200 open; } }
        location /none/ { alias ROOT/; auth_basic_user_file ROOT/none; }
        location /open/ { alias ROOT/; auth_basic off; }
        location /any/ { alias ROOT/; satisfy any; allow 10.0.0.0/8; }
    }
"""


PLACES = words("""
    basic realm quoted emptyrealm inherit inherit/off inherit/if inherit/return limited limitedoff page pagecode
    pagenamed pageurl page403 pageproxy any/in any/out any/other any/address any/nobody any/off any/gone
    any/gonein any/directory any/page any/page403 any/limited any/if all all/in all/out all/try rules rules/own
    rules/none rules/order rules/orders rules/six rules/unix rules/zero rules/return rules/rewrite rules/page
    rules/pagedenied
""")


def basic(credentials: str) -> str:
    return f"Authorization: Basic {b64encode(credentials.encode()).decode()}"


def requests() -> Iterator[Ask]:
    right = basic("plain:secret")
    users = words(
        "plain sha ssha apr md5 sha256 sha512 des yescrypt comment empty broken nothing last none # plai plainx"
    )
    yield from (
        ask("GET /basic/a.txt", basic(f"{user}:{password}"))
        for user in users
        for password in ("secret", "password", "")
    )
    odd = ("plain", ":secret", "plain:", ":", "", "plain:secret:", "plain :secret", "PLAIN:secret")
    yield from (ask("GET /basic/a.txt", basic(credentials)) for credentials in odd)
    for value in (
        "Basic",
        "Basic ",
        "basic cGxhaW46c2VjcmV0",
        "BASIC  cGxhaW46c2VjcmV0",
        "Bearer x",
        "Basic !",
        "Basic cGxhaW46c2VjcmV0=",
    ):
        yield ask("GET /user", f"Authorization: {value}")
        yield ask("GET /basic/a.txt", f"Authorization: {value}")
    for place in PLACES:
        for credentials in ((), (right,), (basic("plain:wrong"),)):
            yield ask(f"GET /{place}/a.txt", *credentials)
        yield ask(f"POST /{place}/a.txt", body=b"ab")
        yield ask(f"HEAD /{place}/a.txt")
        yield ask(f"GET /{place}/none", right)
    yield from (ask(f"GET /realm/a.txt?realm={realm}") for realm in words('off on OFF off%20 a"b %0D%0A'))
    yield from (ask(f"GET /file/a.txt?file={file}", right) for file in words("users none folder %00 users/x"))
    yield ask("GET /file/a.txt?file=none")
    for place in words("ask ask/any ask/in ask/out ask/basic ask/both ask/all ask/page"):
        for asked in words("200 401 403 500"):
            yield from (ask(f"GET /{place}/a.txt?asked={asked}", *credentials) for credentials in ((), (right,)))
    for place in words("get head post return proxy proxied inherit denied if try page page405 size"):
        for method in words("GET HEAD POST PUT DELETE OPTIONS PATCH PROPFIND BREW get"):
            yield ask(f"{method} /le/{place}/a.txt", body=b"ab" if method in {"POST", "PUT"} else b"")
        yield ask(f"POST /le/{place}/a.txt?x=1")
    targets = words(
        "/internal /internal/a.txt /internal/none /to/rewrite /to/error /to/try /to/accel /to/index/ /to/page404"
    )
    yield from (ask(f"GET {target}") for target in targets)
    for place in words("links links/owner links/off links/from links/try"):
        for target in words(
            "a.txt link folderlink/a.txt folder/link folderlink/ folder/ dangling loop folder folderlink none/"
        ):
            yield ask(f"GET /{place}/{target}")
    yield from (
        ask(f"GET /links/{place}/{target}")
        for place in words("index missing")
        for target in words("/ folder/ folderlink/")
    )
    for target in words("/a.txt /if/a.txt /if/a.txt?open=1 /none/a.txt /open/a.txt /any/a.txt"):
        yield from (ask(f"GET {target}", *credentials, port=1) for credentials in ((), (right,)))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    path = tmp_path_factory.mktemp("access")
    write_files(path / "root")
    replies = {"accel": Reply.of("200 OK", "X-Accel-Redirect: /internal/a.txt")}
    with pair(path, CONFIGURATION, ("front", "back", "accel"), replies) as found:
        yield found


def write_files(root: Path) -> None:
    (root / "folder").mkdir(parents=True)
    (root / "users").write_text(USERS)
    for name in ("a.txt", "folder/a.txt"):
        (root / name).write_text(name)
    (root / "link").symlink_to("a.txt")
    (root / "folder" / "link").symlink_to("a.txt")
    (root / "folderlink").symlink_to("folder")
    (root / "dangling").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")


@pytest.mark.parametrize("request_", cases(requests()))
def test_both_answer_alike(both: Pair, request_: Ask) -> None:
    theirs, ours = both.ask(request_)
    assert shown(ours) == shown(theirs)
