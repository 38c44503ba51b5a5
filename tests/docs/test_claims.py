"""What the pages say about ``results/`` is true, and every number of a result in their prose is such a claim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.checks import Claim, ahead, tied
from tests.docs.claims import CLAIMS

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "docs/choosing.md",
    "docs/classifiers.md",
    "docs/generators.md",
    "docs/index.md",
    "docs/verified.md",
    "results/README.md",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs" / "methods").glob("*.md"))),
]
NO_RESULTS = [
    r"Python 3\.\d+",
    r"PyTorch \d\.\d+",
    r"Apache-2\.0",
    r"section \d\.\d",
    r"95 % interval",
    r"Mean ± standard deviation",
    r"\d+[x×]\d+",  # sizes of images
    r"With 75 % given away",  # a setting, and below how many weights it leaves
    r"presets set it to 0\.3",
]
"""Numbers with a decimal point or a per cent sign that no run produced."""
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
RESULT = re.compile(r"\d+\.\d+|±|\d ?%|(?<![\w-])\d+ ?(?:×|x\b|points?\b|times\b)")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _prose(page: str) -> str:
    """A page without generated tables, code blocks and comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"<!-- (?:table|generated): .*?<!-- end -->|```.*?```|<!--.*?-->", " ", text, flags=re.DOTALL)
    return _one_line(text)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.page}: {claim.words[:60]}")
def test_what_a_page_claims_is_true(claim: Claim) -> None:
    where = f"{claim.page} says {claim.words!r}"
    assert claim.words in _prose(claim.page), f"{where} no longer: mend its claim in tests/docs"
    try:
        values = list(claim.check() or [])
    except (AssertionError, LookupError) as error:
        pytest.fail(f"{where}, but results/ do not: {error}\nRewrite the sentence, and its claim in tests/docs.")
    stated = NUMBER.findall(claim.words) if values else []
    assert len(values) == len(stated), f"{where}: {len(stated)} numbers, recomputed {values}"
    for text, value in zip(stated, values, strict=True):
        digits = len(text.partition(".")[2])
        assert f"{value:,.{digits}f}" == text or f"{value:.{digits}f}" == text, f"{where}: {text} is {value}"


@pytest.mark.parametrize("page", PAGES)
def test_a_number_in_prose_is_a_claim(page: str) -> None:
    text = _prose(page)
    for claim in sorted((claim for claim in CLAIMS if claim.page == page), key=lambda claim: -len(claim.words)):
        text = text.replace(claim.words, " ")
    text = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", text)  # code, and where links lead
    for pattern in NO_RESULTS:
        text = re.sub(pattern, " ", text)
    unclaimed = [text[max(0, match.start() - 50) : match.end() + 20] for match in RESULT.finditer(text)]
    assert not unclaimed, f"{page}: put these numbers into a table, or a claim into tests/docs/claims.py: {unclaimed}"


@pytest.mark.parametrize(
    "claim, named",
    [
        (Claim("README.md", "Each table is made by hand", lambda: None), "no longer"),
        (Claim("README.md", "images score 11.1 on", lambda: [11.31]), "11.1 is 11.31"),
        (Claim("README.md", "What came out", lambda: ahead("split-mnist", "acc", "sgd", "joint")), "is not ahead of"),
        (Claim("README.md", "What came out", lambda: tied("split-mnist", "acc", "sgd", "joint")), "are not tied"),
    ],
)
def test_a_false_claim_is_reported_with_its_page(claim: Claim, named: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)) as failure:
        test_what_a_page_claims_is_true(claim)
    assert "README.md says" in str(failure.value) and named in str(failure.value)
