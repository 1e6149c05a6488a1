"""Every module imports only from earlier rooms, as drawn in docs/architecture.md."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "cameo3d"
LAYERS = (
    {"errors"},
    {"media"},
    {"weights"},
    {"provenance"},
    {"values"},
    {"geometry"},
    {"imaging", "blocks"},
    {"perception"},
    {"models"},
    {"pipeline"},
    {"live"},
    {"data", "bench"},
    {"training", "evaluation"},
    {"app"},
)
NO_FILES = {"geometry", "imaging", "blocks", "models"}
"""Rooms that compute and therefore know no media."""
NETWORKS_OF_MODELS = {"cameo3d.perception.deep3d"}
"""What avatar models may take from perception: GOHA's release holds this network. All else is handed in."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem == "errors")


def room(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write the import with its full name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("cameo3d.")}


def imported_rooms(tree: ast.AST) -> set[str]:
    return {name.split(".")[1] for name in imported_modules(tree)} - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_import_only_from_earlier_rooms(path):
    layer_of = {name: index for index, layer in enumerate(LAYERS) for name in layer}
    own = room(path.relative_to(PACKAGE).parts)
    allowed = {name for name in layer_of if layer_of[name] < layer_of[own]} | {own}
    if own in NO_FILES:
        allowed -= {"media"}
    assert imported_rooms(ast.parse(path.read_text("utf8"))) <= allowed


def test_every_room_has_its_layer():
    rooms = {room(path.relative_to(PACKAGE).parts) for path in MODULES}
    assert rooms <= set().union(*LAYERS)


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room(p.relative_to(PACKAGE).parts) == "models"], ids=str
)
def test_models_know_neither_each_other_nor_a_detector(path):
    own = ".".join(path.relative_to(PACKAGE).with_suffix("").parts[:2])
    if own == "models.kinds":
        return  # the table of all
    for name in imported_modules(ast.parse(path.read_text("utf8"))):
        if name.startswith("cameo3d.perception."):
            assert any(name.startswith(f"{network}.") for network in NETWORKS_OF_MODELS), name
        elif name.startswith("cameo3d.models."):
            other = ".".join(name.split(".")[1:3])
            # Avatar.load looks its kind up in the table, and only there.
            table = "models.kinds" if own == "models.avatar" else own
            # The relief is the prior that small sizes are built on.
            prior = "models.relief" if "lite" in path.parts else own
            assert other in (own, "models.avatar", prior, table), name
