"""The heat map of overlaps."""

from __future__ import annotations

import numpy as np

from gencl.analysis.figure import canvas
from gencl.analysis.similarity import ALL, Overlaps, _draw_pairs


def test_a_pair_without_overlap_is_no_zero() -> None:
    _, panels = canvas("title", [1.0], 4.0)
    overlaps: Overlaps = {
        ("fisher", ALL, 1, 2): 0.0,
        ("fisher", ALL, 1, 3): None,  # an importance is all zeros
        ("fisher", ALL, 2, 3): 0.75,
        ("entropy", ALL, 1, 2): 0.5,
        ("fisher", "trunk", 1, 2): 0.5,
    }
    _draw_pairs(panels[0, 0], overlaps, ["a", "b", "c"])
    drawn = np.ma.filled(panels[0, 0].images[0].get_array(), np.nan)
    assert np.array_equal(drawn, [[1, 0, np.nan], [0, 1, 0.75], [np.nan, 0.75, 1]], equal_nan=True)
    texts = {text.get_position(): (text.get_text(), text.get_color()) for text in panels[0, 0].texts}
    assert texts[1, 0] == texts[0, 1] == (".00", "white")
    assert texts[2, 0] == texts[0, 2] == ("-", "black") and texts[2, 1] == (".75", "black")
