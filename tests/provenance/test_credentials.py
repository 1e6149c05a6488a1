import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import c2pa
import numpy as np
import pytest

from cameo3d.errors import CredentialsError
from cameo3d.media.images import write_image
from cameo3d.media.writing import VideoWriter, codec_for
from cameo3d.provenance import c2pa_process, credentials
from cameo3d.provenance.credentials import CredentialsReading, read_credentials, sign_files
from cameo3d.provenance.keys import load_credentials
from cameo3d.provenance.manifest import manifest, sidecar
from cameo3d.provenance.origin import Ingredient, Origin, origin_of

NAMES = ("x.mp4", "x.mov", "x.webm", "x.png", "x.jpg", "x.webp")


def write(path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    if path.suffix in (".png", ".jpg", ".webp"):
        write_image(path, pixels)
    else:
        with VideoWriter(path, (48, 32), 25, codec=codec_for(path, False)) as writer:
            for _ in range(3):
                writer.write(pixels)
    return path


def found(path: Path) -> CredentialsReading:
    reading = read_credentials(path)
    assert reading is not None
    return reading


@pytest.fixture
def signed(tmp_path, made_of) -> Path:
    path = write(tmp_path / "x.png")
    sign_files([path], made_of, True)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_file_is_signed_and_says_what_it_is(tmp_path, made_of, name):
    path = write(tmp_path / name)
    size = path.stat().st_size
    sign_files([path], made_of, True)
    reading = found(path)
    assert reading.intact
    assert reading.ours
    assert reading.generated
    assert reading.tool.startswith("cameo3d ")
    assert reading.model == "relief"
    assert reading.mark == f"{made_of.identity:08x}"
    assert reading.problems == ()
    assert path.stat().st_size + (sidecar(path).stat().st_size if sidecar(path).exists() else 0) - size < 5000
    assert not list(tmp_path.glob(".cameo3d-*"))


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_byte_of_the_content_is_noticed(tmp_path, made_of, name):
    path = write(tmp_path / name)
    content = path.read_bytes()
    sign_files([path], made_of, True)
    # A byte in the middle of what was there before is found again in the signed file, and changed.
    piece = content[len(content) // 2 :][:24] if path.suffix in (".png", ".jpg", ".webp") else content[-24:]
    if path.suffix in (".mp4", ".mov"):
        start = content.index(b"mdat") + 8
        piece = content[start : start + 24]
    changed = bytearray(path.read_bytes())
    place = bytes(changed).index(piece) + 12
    changed[place] ^= 1
    path.write_bytes(changed)
    assert not found(path).intact


def test_a_file_without_credentials_has_none(tmp_path):
    assert [read_credentials(write(tmp_path / name)) for name in NAMES] == [None] * len(NAMES)
    (tmp_path / "x.txt").write_text("hello")
    assert read_credentials(tmp_path / "x.txt") is None


def test_the_content_decides_about_the_kind_not_the_name(signed):
    assert found(signed.rename(signed.with_suffix(".mp4"))).intact


def test_without_our_root_the_issuer_is_unknown(signed, tmp_path, monkeypatch):
    monkeypatch.setenv("CAMEO3D_CREDENTIALS", str(tmp_path / "elsewhere"))
    reading = found(signed)
    assert reading.intact
    assert not reading.ours
    assert not reading.known
    assert reading.problems == ("signingCredential.untrusted",)
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_private_is_in_the_file(tmp_path, astronaut_path):
    photo = tmp_path / "gertrude.png"
    photo.write_bytes(astronaut_path.read_bytes())
    path = write(tmp_path / "x.png")
    sign_files([path], origin_of("relief", 0, photo=photo), True)
    content = path.read_bytes()
    assert b"gertrude" not in content
    assert str(tmp_path).encode() not in content


def test_the_manifest_names_its_source_type_by_who_painted():
    still = Ingredient("photo", "00" * 32)
    own, painted = (str(manifest(Origin("m", (still,), 0, own), "image/png", True)) for own in (True, False))
    assert "/compositeWithTrainedAlgorithmicMedia" in own
    assert "/trainedAlgorithmicMedia" in painted
    assert "soft-binding" not in str(manifest(Origin("m", (still,)), "image/png", False))


def test_damaged_manifests_never_pass_for_others(signed, made_of):
    # In this process, as the child does it: 60 files with a few bytes changed within the credentials.
    whole = signed.read_bytes()
    start = whole.index(b"caBX")
    rng = np.random.default_rng(0)
    task = {
        "source": str(signed),
        "kind": "image/png",
        "apart": None,
        "root": load_credentials().chain.decode(),
    }
    right = c2pa_process.read(task)
    for _ in range(60):
        changed = bytearray(whole)
        for place in rng.integers(start, start + 3800, size=rng.integers(1, 5)):
            changed[place] = rng.integers(256)
        signed.write_bytes(changed)
        try:
            answer = c2pa_process.read(task)
        except c2pa.C2paError:
            continue
        if answer["found"] and answer["state"] in ("Valid", "Trusted"):
            # What may change unnoticed is padding, which says nothing.
            assert {**answer, "state": None, "failures": None} == {**right, "state": None, "failures": None}


def test_a_cut_off_file_is_one_sentence_or_none(signed):
    signed.write_bytes(signed.read_bytes()[:2000])
    with pytest.raises(CredentialsError) as error:
        read_credentials(signed)
    assert "\n" not in str(error.value)


def test_a_huge_foreign_manifest_is_told_in_few_words(tmp_path):
    load = load_credentials()
    path = write(tmp_path / "x.png")
    title = "all about \n everything " * 10_000
    foreign = {
        "claim_generator_info": [{"name": title, "version": "1"}],
        "assertions": [
            {"label": "org.example.note", "data": {"text": title}},
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": "x"}]},
            },
        ],
    }
    one = {"source": str(path), "target": str(tmp_path / "y.png"), "kind": "image/png", "apart": False}
    keys = {"algorithm": load.algorithm, "chain": load.chain.decode(), "key": load.key.decode()}
    c2pa_process.sign({"files": [{**one, "manifest": foreign}], **keys})
    reading = found(tmp_path / "y.png")
    assert reading.intact
    assert not reading.generated
    assert reading.model is None
    assert len(reading.tool) < 2100
    assert reading.tool.isprintable()


def test_a_foreign_soft_binding_and_odd_assertions_are_left_alone():
    odd = {"assertions": [{"label": "c2pa.actions", "data": {"actions": [{}]}}, {"label": 5, "data": []}, {}]}
    summary = c2pa_process._summary({"claim_generator_info": None, "signature_info": None, **odd})
    assert summary["mark"] is None
    assert summary["source_types"] == []


def test_too_large_files_are_not_signed_and_left_as_they_are(tmp_path, made_of, monkeypatch):
    monkeypatch.setattr(credentials, "LARGEST", 100)
    path = write(tmp_path / "x.png")
    before = path.read_bytes()
    with pytest.raises(CredentialsError, match="not signed"):
        sign_files([path], made_of, True)
    assert path.read_bytes() == before


def test_the_other_process_keeps_its_bound(tmp_path, made_of, monkeypatch):
    monkeypatch.setattr(credentials, "_BASE_MEMORY", 30 << 20)  # too little for the library alone
    path = write(tmp_path / "x.png")
    before = path.read_bytes()
    with pytest.raises(CredentialsError) as error:
        sign_files([path], made_of, True)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".cameo3d-*"))


def test_an_independent_reader_agrees(signed):
    # The library's own reader, in a process of its own, with and without our root.
    program = (
        "import c2pa, json, sys\n"
        "plain = c2pa.Reader(sys.argv[1]).get_validation_state()\n"
        "trust = c2pa.Context.from_dict({'trust': {'user_anchors': open(sys.argv[2]).read()}})\n"
        "print(json.dumps([plain, c2pa.Reader(sys.argv[1], context=trust).get_validation_state()]))\n"
    )
    root = load_credentials().folder / "root.pem"
    command = [sys.executable, "-c", program, str(signed), str(root)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == ["Valid", "Trusted"]


def test_the_id_follows_from_seed_model_and_contents(tmp_path, made_of):
    assert made_of.identity == dataclasses.replace(made_of).identity
    others = [
        dataclasses.replace(made_of, seed=4),
        dataclasses.replace(made_of, model="goha"),
        dataclasses.replace(made_of, ingredients=(Ingredient("photo", "00" * 32),)),
    ]
    assert len({made_of.identity, *(one.identity for one in others)}) == 4
    assert all(0 <= one.identity < 1 << 32 for one in others)
