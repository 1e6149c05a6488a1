from pathlib import Path

from cameo3d.weights.user_files import FILES, Networks, own_networks


def test_the_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    assert own_networks().folder == tmp_path / "networks"
    monkeypatch.delenv("CAMEO3D_WEIGHTS")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert own_networks().folder == Path.home() / ".local/share/cameo3d/networks"


def test_missing_files_are_named(tmp_path):
    (tmp_path / "alex.pth").touch()
    networks = Networks(tmp_path)
    assert networks.missing("alex.pth") == ""
    assert networks.missing("alex.pth", "vgg.pth").startswith(f"vgg.pth not found in {tmp_path}")


def test_every_file_says_where_it_comes_from_and_under_which_licence():
    assert len({file.name for file in FILES}) == len(FILES)
    assert all(file.source and file.licence and file.use for file in FILES)
