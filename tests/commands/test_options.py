"""Options that several commands share."""

from __future__ import annotations

import warnings

import pytest

from gencl.commands.options import said_warnings
from gencl.core.errors import UsageError


def test_warnings_are_said_even_if_an_error_follows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError), said_warnings():
        warnings.warn("the labels are ignored", stacklevel=2)
        raise UsageError("no images")
    assert capsys.readouterr().err == "gencl: the labels are ignored\n"
