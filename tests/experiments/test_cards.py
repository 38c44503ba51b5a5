"""Runs at a time share out the GPUs."""

from __future__ import annotations

from gencl.experiments.cards import VISIBLE, Cards, cards_here


def test_each_run_gets_the_card_with_the_fewest() -> None:
    cards = Cards(["2", "GPU-b"])
    with cards.one() as first, cards.one() as second:
        assert [first[VISIBLE], second[VISIBLE]] == ["2", "GPU-b"]
        with cards.one() as third:
            assert third[VISIBLE] == "2"
    with cards.one() as again:
        assert again[VISIBLE] == "2"


def test_one_card_or_none_leaves_the_environment_alone() -> None:
    for names in ([], ["0"]):
        with Cards(names).one() as card:
            assert card == {}


def test_the_cards_are_those_that_the_user_left_visible() -> None:
    assert cards_here({VISIBLE: "3, 1"}) == ["3", "1"]
