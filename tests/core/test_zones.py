"""What fits into a zone."""

from __future__ import annotations

import pytest

from pyngx.core.zones import room_in, taken_by


@pytest.mark.parametrize(
    ("size", "taken"),
    [(1, 8), (8, 8), (9, 16), (84, 128), (128, 128), (129, 256), (2048, 2048), (2049, 4096), (9000, 12288)],
)
def test_a_state_takes_a_power_of_two_or_whole_pages(size: int, taken: int) -> None:
    assert taken_by(size) == taken


@pytest.mark.parametrize(("size", "pages"), [(32 << 10, 6), (64 << 10, 14), (1 << 20, 253), (10 << 20, 2543)])
def test_a_zone_has_so_many_pages_for_states(size: int, pages: int) -> None:
    assert room_in(size) == pages * 4096
