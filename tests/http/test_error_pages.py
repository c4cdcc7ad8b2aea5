"""The documents were compared with those of nginx 1.31.5."""

import pytest

from pyngx.http.error_pages import error_page, refresh_page, wants_padding
from pyngx.http.status import reason, shown_status


def test_a_page_is_the_document_that_nginx_sends() -> None:
    assert error_page(404, "pyngx/1.0") == (
        b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n"
        b"<center><h1>404 Not Found</h1></center>\r\n<hr><center>pyngx/1.0</center>\r\n</body>\r\n</html>\r\n"
    )


def test_nginx_own_codes_explain_themselves_under_a_bad_request() -> None:
    assert error_page(497, "p") == (
        b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n"
        b"<center><h1>400 Bad Request</h1></center>\r\n"
        b"<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
        b"<hr><center>p</center>\r\n</body>\r\n</html>\r\n"
    )


@pytest.mark.parametrize(
    ("status", "phrase", "heading"),
    [
        (301, b"Moved Permanently", b"301 Moved Permanently"),
        (302, b"Moved Temporarily", b"302 Found"),
        (308, b"Permanent Redirect", b"308 Permanent Redirect"),
        (401, b"Unauthorized", b"401 Authorization Required"),
        (405, b"Not Allowed", b"405 Not Allowed"),
        (408, b"Request Time-out", b"408 Request Time-out"),
        (416, b"Requested Range Not Satisfiable", b"416 Requested Range Not Satisfiable"),
        (498, b"", b"404 Not Found"),
        (503, b"Service Temporarily Unavailable", b"503 Service Temporarily Unavailable"),
        (507, b"Insufficient Storage", b"507 Insufficient Storage"),
    ],
)
def test_status_line_and_heading_may_differ(status: int, phrase: bytes, heading: bytes) -> None:
    assert reason(status) == phrase
    assert b"<h1>" + heading + b"</h1>" in error_page(status, "p")


@pytest.mark.parametrize("status", [200, 201, 204, 300, 304, 305, 418, 422, 499, 506, 599])
def test_other_statuses_have_no_page(status: int) -> None:
    assert error_page(status, "p") == b""


@pytest.mark.parametrize(("status", "shown"), [(404, 404), (444, 444), (494, 400), (495, 400), (496, 400), (497, 400)])
def test_own_codes_are_shown_as_400(status: int, shown: int) -> None:
    assert shown_status(status) == shown
    assert shown_status(498) == 498


@pytest.mark.parametrize(
    ("agent", "padded"),
    [
        (b"", False),
        (b"curl/8", False),
        (b"Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36", True),
        (b"Mozilla/5.0 Gecko/20100101 Firefox/120.0", False),
        (b"Mozilla/4.0 (compatible; MSIE 6.0; Windows)", True),
        (b"Mozilla/4.0 (compatible; MSIE 6.0; Windows) Opera 9", False),
        (b"MSIE 6.", False),
    ],
)
def test_old_browsers_get_padding(agent: bytes, padded: bool) -> None:
    assert wants_padding(agent) is padded


def test_padding_is_for_errors_only() -> None:
    assert len(error_page(404, "p", padding=True)) > 512
    assert error_page(302, "p", padding=True) == error_page(302, "p")


def test_a_refresh_page_cannot_be_left_by_its_url() -> None:
    assert refresh_page("http://h/\"'>") == (
        b'<html><head><meta http-equiv="Refresh" content="0; URL=http://h/%22%27%3E"></head><body></body></html>\r\n'
    )
