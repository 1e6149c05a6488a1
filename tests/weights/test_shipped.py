import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from cameo3d.errors import WeightsError
from cameo3d.weights import shipped
from cameo3d.weights.shipped import SHIPPED, Shipped, load_tensors, read_tensors

ROOT = Path(__file__).parents[2]


def entry_of(content: bytes) -> Shipped:
    digest = hashlib.sha256(content).hexdigest()
    return Shipped("some.safetensors", "a test", digest, "MIT", "docs/cards/some.md")


@pytest.mark.parametrize("name", SHIPPED)
def test_what_the_table_lists_is_shipped_whole_and_has_a_card(name):
    assert load_tensors(name)
    assert SHIPPED[name].licence in ("MIT", "Apache-2.0")
    assert (ROOT / SHIPPED[name].card).is_file()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_say_what_they_are(name):
    with safetensors.safe_open(ROOT / "src" / "cameo3d" / "assets" / SHIPPED[name].file, "pt") as file:
        metadata = file.metadata()
    assert set(metadata) == {"model", "config", "source", "licence", "revision"}
    assert metadata["model"] == name


def test_tensors_survive_the_way_through_a_file():
    content = safetensors.torch.save({"values": torch.arange(6.0).view(2, 3)})
    tensors = read_tensors(entry_of(content), content)
    assert torch.equal(tensors["values"], torch.arange(6.0).view(2, 3))


def test_a_changed_byte_is_noticed():
    content = safetensors.torch.save({"values": torch.zeros(3)})
    entry = entry_of(content)
    with pytest.raises(WeightsError, match=r"some\.safetensors is damaged.*install cameo3d again"):
        read_tensors(entry, content[:-1] + b"\x01")


def test_a_file_that_holds_no_tensors_is_refused():
    with pytest.raises(WeightsError, match="not a safetensors file"):
        read_tensors(entry_of(b"no tensors"), b"no tensors")


def test_a_missing_file_is_one_sentence(monkeypatch):
    monkeypatch.setitem(
        shipped.SHIPPED, "face_model", replace(SHIPPED["face_model"], file="gone.safetensors")
    )
    with pytest.raises(WeightsError, match=r"gone\.safetensors is missing"):
        load_tensors("face_model")


def test_unknown_names_are_the_callers_mistake():
    with pytest.raises(ValueError, match="ships no 'nose'"):
        load_tensors("nose")
