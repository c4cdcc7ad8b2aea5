"""ngx_http_auth_basic_module: passwords before locations."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from pathlib import Path

import pytest

from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.pipeline import handle
from pyngx.modules import MODULES, auth_basic
from pyngx.modules.auth_basic import MOST_FILES, Passwords, UserFiles
from tests.support.configure import answer, ask, configure, exchange, in_server, messages
from tests.support.fake_client import FakeClient

USERS = "a:{PLAIN}b\napr:$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.\nodd:!secret\n"


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_text(USERS)
    old = path.stat().st_mtime_ns - 10**10
    os.utime(path, ns=(old, old))
    return path


def site(text: str, prefix: Path) -> Generation:
    return configure(in_server(f"access_log off; {text}"), MODULES, prefix=str(prefix))


def fields(credentials: str) -> list[tuple[bytes, bytes]]:
    return [(b"Host", b"localhost"), (b"Authorization", b"Basic " + b64encode(credentials.encode()))]


def get(generation: Generation, target: str = "/", credentials: str = "") -> FakeClient:
    return ask(generation, f"GET {target} HTTP/1.1", fields(credentials))


def test_who_has_no_password_is_asked_for_one(users: Path) -> None:
    generation = site("auth_basic 'closed site'; auth_basic_user_file users; location / { }", users.parent)
    for credentials in ("", "a:c", "nobody:b", "apr:b"):
        client = get(generation, credentials=credentials)
        assert (client.status, client.header("WWW-Authenticate")) == (401, 'Basic realm="closed site"')
    for credentials in ("a:b", "apr:password"):
        assert get(generation, credentials=credentials).status == 404
    assert messages(generation)[:4] == [
        "no user/password was provided for basic authentication",
        'user "a": password mismatch',
        f'user "nobody" was not found in "{users}"',
        'user "apr": password mismatch',
    ]


def test_a_password_that_nobody_can_check_is_told(users: Path) -> None:
    generation = site("auth_basic x; auth_basic_user_file users; location / { }", users.parent)
    assert get(generation, credentials="odd:secret").status == 401
    assert messages(generation) == ['user "odd": the stored password is of a kind that is not known here']


def test_off_asks_nobody(users: Path) -> None:
    generation = site(
        "auth_basic x; auth_basic_user_file users;"
        "location /off { auth_basic off; } location /var { auth_basic $arg_realm; }",
        users.parent,
    )
    assert get(generation, "/off").status == 404
    assert get(generation, "/var?realm=off").status == 404
    assert get(generation, "/var?realm=on").header("WWW-Authenticate") == 'Basic realm="on"'


def test_a_realm_writes_no_fields_of_its_own(users: Path) -> None:
    generation = site("location ~ ^/(?<realm>[^/]*)$ { auth_basic $realm; auth_basic_user_file users; }", users.parent)
    client = get(generation, "/a%0D%0AX-Evil:%201")
    assert client.header("WWW-Authenticate") == 'Basic realm="a X-Evil: 1"'


def test_the_file_may_have_a_name_with_variables(users: Path) -> None:
    generation = site("auth_basic x; auth_basic_user_file $arg_file; location / { }", users.parent)
    assert get(generation, "/?file=users", "a:b").status == 404
    assert get(generation, f"/?file={users}", "a:b").status == 404
    assert get(generation, "/?file=none", "a:b").status == 403
    assert get(generation, "/?file=none").status == 401
    assert get(generation, "/", "a:b").status == 500


def test_a_file_that_is_not_there_is_told_with_its_directive(tmp_path: Path) -> None:
    generation = site("auth_basic x; auth_basic_user_file none; location / { }", tmp_path)
    [finding] = generation.findings
    assert finding.message == f'open() "{tmp_path}/none" failed (2: No such file or directory)'
    assert finding.span is not None
    assert finding.span.text == "none"
    assert get(generation, credentials="a:b").status == 403


def test_a_realm_without_a_file_is_a_slip(tmp_path: Path) -> None:
    generation = site("auth_basic x; location / { }", tmp_path)
    assert [finding.message for finding in generation.findings] == [
        '"auth_basic" without "auth_basic_user_file" asks nobody'
    ]
    assert get(generation).status == 404


def test_a_changed_file_is_read_again(users: Path) -> None:
    generation = site("auth_basic x; auth_basic_user_file users; location / { }", users.parent)
    assert get(generation, credentials="a:b").status == 404
    users.write_text("a:{PLAIN}c\n")
    assert get(generation, credentials="a:b").status == 401
    assert get(generation, credentials="a:c").status == 404
    users.unlink()
    assert get(generation, credentials="a:c").status == 403


def test_a_file_is_parsed_when_it_changes(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = UserFiles()
    parsed: list[bytes] = []

    def read_users(content: bytes) -> dict[bytes, bytes]:
        parsed.append(content)
        return {}

    monkeypatch.setattr(auth_basic, "read_users", read_users)
    for _ in range(3):
        files.users(str(users))
    users.touch()
    files.users(str(users))
    assert len(parsed) == 1


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    files = UserFiles()
    for number in range(MOST_FILES + 3):
        path = tmp_path / str(number)
        path.write_text("a:b")
        files.users(str(path))
    assert repr(files).count(":1") == MOST_FILES


def test_satisfy_any_lets_in_who_has_a_password_or_the_address(users: Path) -> None:
    common = "satisfy any; auth_basic x; auth_basic_user_file users;"
    generation = site(
        f"{common} location /in {{ allow 127.0.0.1; deny all; }} location /out {{ deny all; }}"
        "location /off { deny all; auth_basic off; } location /gone { deny all; auth_basic_user_file none; }"
        "location /neither { auth_basic off; deny 10.0.0.0/8; }",
        users.parent,
    )
    assert get(generation, "/in").status == 404
    assert get(generation, "/out").status == 401
    assert get(generation, "/out", "a:b").status == 404
    assert get(generation, "/off", "a:b").status == 403
    assert get(generation, "/gone", "a:b").status == 403
    assert get(generation, "/neither").status == 404


def test_the_page_for_a_401_keeps_the_challenge(users: Path) -> None:
    generation = site(
        "auth_basic x; auth_basic_user_file users; error_page 401 /login;"
        "location / { } location /login { auth_basic off; return 200 login; }"
        "location /again { error_page 401 /; }",
        users.parent,
    )
    client = get(generation, "/a")
    assert (client.status, client.header("WWW-Authenticate"), client.body) == (401, 'Basic realm="x"', b"login")
    client = get(generation, "/again")
    assert (client.status, client.header("WWW-Authenticate")) == (401, 'Basic realm="x"')


def test_requests_at_once_share_one_computation(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[bytes] = []

    def is_password(password: bytes, stored: bytes) -> bool:
        computed.append(password)
        return password == b"right"

    monkeypatch.setattr(auth_basic, "is_password", is_password)
    generation = site("auth_basic x; auth_basic_user_file users; location / { }", users.parent)

    def request(password: str) -> Exchange:
        return exchange(generation, "GET / HTTP/1.1", fields(f"apr:{password}"))

    async def run() -> list[int]:
        servers = next(iter(generation.addresses.values()))
        asked = [request(password) for password in ("right", "right", "wrong", "right", "wrong")]
        await asyncio.gather(*(handle(one, servers) for one in asked))
        return [one.status for one in asked]

    assert asyncio.run(run()) == [404, 404, 401, 404, 401]
    assert sorted(computed) == [b"right", b"wrong"]
    assert [answer(request("right")).status, answer(request("wrong")).status] == [404, 401]
    assert sorted(computed) == [b"right", b"wrong", b"wrong"]  # what was wrong isn't remembered


async def test_who_leaves_leaves_the_others_their_answer() -> None:
    passwords = Passwords()
    stored = b"$apr1$salt$Xxd1irWT9ycqoYxGFn4cb."
    first, second = (asyncio.ensure_future(passwords.slowly(b"password", stored)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert passwords.quickly(b"password", stored)
    assert repr(passwords) == "<Passwords 1 right, 0 asked>"
    passwords.close()
