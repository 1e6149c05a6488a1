"""Sources are prepared by Ray Data, if it is installed; its own start takes half a minute."""

import sys
from pathlib import Path

import pytest

from cameo3d.data.portraits.cluster import spread
from cameo3d.data.portraits.sources import Source
from cameo3d.errors import InputError


def named(name: str) -> Source:
    return Source(name, Path(name), "photo", name)


def test_every_source_is_worked_on_once_and_comes_back_with_its_reason():
    pytest.importorskip("ray.data", reason="Ray Data is not installed")
    sources = [named(name) for name in ("one", "two", "three")]
    found = {x.name: reason for x, reason in spread(sources, lambda x: x.name[1:], "local", 1)}
    assert found == {"one": "ne", "two": "wo", "three": "hree"}


def test_without_ray_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"cameo3d\[cluster\]"):
        list(spread([named("one")], lambda x: "", "local", 1))
