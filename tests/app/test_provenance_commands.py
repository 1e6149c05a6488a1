import json

import numpy as np
import pytest
from PIL import Image

from cameo3d.app.cli import main
from cameo3d.media.tags import read_tag
from cameo3d.provenance.disclosure import FULL_DISCLOSURE
from cameo3d.provenance.origin import Origin
from cameo3d.provenance.writing import write_still


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMEO3D_CREDENTIALS", str(tmp_path / "key"))
    return tmp_path


def code(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    return stop.value.code


def test_verify_exits_with_0_1_or_2(here, astronaut_path, capsys):
    photo = np.array(Image.open(astronaut_path).convert("RGB"))
    write_still(here / "made.png", photo, Origin("relief", ()), FULL_DISCLOSURE)
    Image.fromarray(photo).save(here / "plain.png")
    (here / "note.txt").write_text("hello")
    assert code("verify", "made.png") == 0
    assert "signed by this installation" in capsys.readouterr().out
    assert code("verify", "plain.png", "--json") == 1
    assert json.loads(capsys.readouterr().out)["note"].startswith("That nothing was found does not prove")
    assert code("verify", "note.txt") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert code("verify", "missing.mp4") == 2


def test_credentials_are_made_shown_and_taken_over(here, capsys):
    main(["credentials", "init"])
    first = capsys.readouterr().out
    assert "cameo3d installation" in first
    main(["credentials", "show"])
    assert capsys.readouterr().out == first
    for name in ("certificates.pem", "key.pem"):
        (here / name).write_bytes((here / "key" / name).read_bytes())
    main(["credentials", "use", "certificates.pem", "key.pem"])
    assert "root.pem" not in capsys.readouterr().out
    assert code("credentials", "use", "certificates.pem") == 2
    assert code("credentials", "use", "key.pem", "certificates.pem") == 1


def test_what_cannot_be_signed_is_written_and_ends_with_3(here, astronaut_path, monkeypatch, capsys, caplog):
    (here / "file").write_text("")
    monkeypatch.setenv("CAMEO3D_CREDENTIALS", str(here / "file" / "key"))
    assert code("orbit", str(astronaut_path), "--out", "turn.mp4", "--seconds", "0.12") == 3
    assert (here / "turn.mp4").stat().st_size > 1000
    assert capsys.readouterr().out == "turn.mp4\n"
    assert "written without credentials" in caplog.text
    # With research flags nothing is signed, nothing fails, and the tag tells.
    words = ["orbit", str(astronaut_path), "--out", "bare.mp4", "--seconds", "0.12", "--label"]
    main([*words, "--no-credentials", "--no-mark"])
    assert "without invisible mark and credentials" in str(read_tag(here / "bare.mp4"))
    assert code("verify", "bare.mp4") == 1
