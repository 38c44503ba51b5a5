"""A file of decoded pictures that is not right is made again, with a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gencl.datasets import picture_file
from tests.datasets.test_picture_cache import only, pixels, read


def _other_version(content: bytes) -> bytes:
    number = f'"version": {picture_file.VERSION}'.encode()
    assert number in content
    return content.replace(number, f'"version": {picture_file.VERSION + 1}'.encode())


def _without_pixels(content: bytes) -> bytes:
    return content[8 * 8 * 3 :]


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "short": (lambda content: content[: len(content) // 2], "cut short"),
    "shorter by a byte": (lambda content: content[:-1], "cut short"),
    "tiny": (lambda content: content[:3], "cut short"),
    "empty": (lambda content: b"", "empty"),
    "longer": (lambda content: content + b"more", "cut short"),
    "other version": (_other_version, "of another version"),
    "no JSON": (lambda content: content.replace(b'{"version"', b'["version"'), "damaged"),
    "wrong length": (lambda content: content.replace(b'"shape": [3, 8, 8]', b'"shape": [3, 8, 9]'), "damaged"),
    "without some pixels": (_without_pixels, "damaged"),
    "of something else": (lambda content: b"\x89PNG\r\n\x1a\n" + bytes(100), "cut short"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_file_of_the_cache_that_is_not_right_is_made_again_with_a_line(
    name: str, cache: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, reason = DAMAGE[name]
    expected = pixels(read(folder))
    file = only(cache)
    whole = file.read_bytes()
    file.unlink()  # what is mapped stays as it is
    file.write_bytes(damage(whole))
    assert torch.equal(pixels(read(folder)), expected) and only(cache).read_bytes() == whole
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"the cache of {folder} is {reason}: its pictures are decoded again" in said
    read(folder)
    assert capsys.readouterr().err == ""
