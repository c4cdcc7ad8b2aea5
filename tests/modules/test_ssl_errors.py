"""What is wrong with TLS in a configuration, told where it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pyngx.config.diagnostics import ConfigError
from pyngx.modules import MODULES
from tests.support.certificates import write_authority, write_pair
from tests.support.live import build_text, make_runtime

PAIR = "ssl_certificate a.crt; ssl_certificate_key a.key;"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    write_authority(folder, "ca", authority)
    write_pair(folder, "a", authority.issue_cert("a.test"))
    write_pair(folder, "b", authority.issue_cert("b.test"))
    key = load_pem_private_key((folder / "a.key").read_bytes(), None)
    kept = BestAvailableEncryption(b"secret")
    (folder / "locked.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept))
    (folder / "passwords").write_text("wrong\r\nsecret\r\n")
    (folder / "empty").write_text("")
    return folder


def build(text: str, folder: Path) -> None:
    build_text(f"events {{ }}\nhttp {{ server {{\n{text}\n}} }}\n", MODULES, make_runtime(str(folder)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("listen 443 ssl;", 'no "ssl_certificate" is defined for the "listen ... ssl" directive'),
        ("listen 443 ssl; ssl_certificate a.crt;", 'no "ssl_certificate_key" is defined for certificate "a.crt"'),
        ("ssl_certificate none.crt; ssl_certificate_key a.key;", "none.crt"),
        ("ssl_certificate a.crt; ssl_certificate_key none.key;", "none.key"),
        ("ssl_certificate empty; ssl_certificate_key a.key;", "cannot load certificate"),
        ("ssl_certificate a.crt; ssl_certificate_key empty;", "no private key"),
        ("ssl_certificate a.crt; ssl_certificate_key b.key;", "key values mismatch"),
        ("ssl_certificate a.crt; ssl_certificate_key locked.key;", "there is no password for it"),
        ("ssl_certificate a.crt; ssl_certificate_key engine:x:y;", '"engine:x:y" can\'t be used'),
        (f"{PAIR} ssl_ciphers none;", 'SSL_CTX_set_cipher_list("none") failed'),
        (f"{PAIR} ssl_protocols SSLv3;", "OpenSSL has none of these protocols any more"),
        (f"{PAIR} ssl_ecdh_curve none;", 'SSL_CTX_set1_curves_list("none") failed'),
        (f"{PAIR} ssl_ecdh_curve X25519:none:other:secp384r1;", "has no none, other)"),
        (f"{PAIR} ssl_dhparam empty;", "no DH parameters"),
        (f"{PAIR} ssl_crl empty;", "no certificate revocation list"),
        (f"{PAIR} ssl_verify_client on;", "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client"),
        (f"{PAIR} ssl_verify_client on; ssl_client_certificate empty;", "SSL_CTX_load_verify_locations"),
        (f"{PAIR} ssl_session_cache some;", 'invalid session cache "some"'),
        (f"{PAIR} ssl_session_cache shared:a;", 'invalid session cache "shared:a"'),
        (f"{PAIR} ssl_conf_command VerifyMode Peer;", "this command can't be had"),
        (f"{PAIR} ssl_conf_command Options Nothing;", 'the option "Nothing" can\'t be had'),
        (f"{PAIR} ssl_conf_command Certificate b.crt;", "names a certificate without its key"),
        ("location / { proxy_pass https://127.0.0.1; proxy_ssl_verify on; }", "no proxy_ssl_trusted_certificate"),
        ("location / { proxy_pass https://127.0.0.1; proxy_ssl_certificate a.crt; }", 'no "proxy_ssl_certificate_key"'),
        (
            "location / { proxy_pass https://127.0.0.1; proxy_ssl_ciphers none; }",
            'SSL_CTX_set_cipher_list("none") failed',
        ),
    ],
)
def test_errors_say_what_is_wrong_and_where(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(text, folder)
    (found,) = [one for one in caught.value.diagnostics if message in one.message][:1]
    assert found.span is not None
    assert found.span.line == 3


@pytest.mark.parametrize(
    "text",
    [
        "ssl_certificate a.crt; ssl_certificate_key locked.key; ssl_password_file passwords;",
        f"{PAIR} ssl_session_cache builtin:1000 shared:SSL:10m; ssl_session_timeout 1d; ssl_buffer_size 4k;",
        f"{PAIR} ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_conf_command MinProtocol TLSv1.3;",
        f"{PAIR} ssl_conf_command Options -SessionTicket,PrioritizeChaCha; ssl_conf_command Groups X25519;",
        f"{PAIR} ssl_conf_command Certificate b.crt; ssl_conf_command PrivateKey b.key;",
        f"{PAIR} ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:secp384r1;",
        "listen 443 ssl; ssl_reject_handshake on;",
    ],
)
def test_what_is_right_is_taken(folder: Path, text: str) -> None:
    build(text, folder)


def test_a_server_without_a_certificate_may_borrow_that_of_the_default(folder: Path) -> None:
    build(f"listen 443 ssl; {PAIR} }} server {{ listen 443; server_name b;", folder)
    with pytest.raises(ConfigError, match='no "ssl_certificate" is defined'):
        build("listen 443 ssl; ssl_reject_handshake on; } server { listen 443; server_name b;", folder)


def test_equal_settings_are_one_context_over_reloads_until_a_file_changes(folder: Path) -> None:
    text = f"events {{ }}\nhttp {{ server {{ listen 443 ssl; {PAIR} }} server {{ listen 444 ssl; {PAIR} }} }}\n"
    runtime = make_runtime(str(folder))
    contexts = []
    for number in range(3):
        if number == 2:
            write_pair(folder, "a", trustme.CA().issue_cert("a.test"))
        runtime.files.contents.clear()
        generation = build_text(text, MODULES, runtime, number)
        runtime.commit(generation)
        found = [names.default.tls for names in generation.addresses.values()]
        contexts.append({tls.context(None) for tls in found if tls is not None})  # type: ignore[arg-type]
    assert [len(each) for each in contexts] == [1, 1, 1]
    assert contexts[0] == contexts[1] != contexts[2]
