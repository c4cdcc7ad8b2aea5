import pytest

from pyngx.http.etag import entity_tag, weaken


def test_a_tag_is_time_and_size_in_hexadecimal() -> None:
    assert entity_tag(1_700_000_000, 100) == b'"6553f100-64"'
    assert entity_tag(0, 0) == b'"0-0"'


@pytest.mark.parametrize(("etag", "weak"), [(b'"a"', b'W/"a"'), (b'W/"a"', b'W/"a"'), (b"a", None), (b"", None)])
def test_a_changed_body_weakens_its_tag(etag: bytes, weak: bytes | None) -> None:
    assert weaken(etag) == weak
