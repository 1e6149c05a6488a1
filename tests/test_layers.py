"""Every module imports only from earlier rooms, as drawn in docs/architecture.md."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "cameo3d"
LAYERS = (
    {"errors"},
    {"media"},
    {"weights"},
    {"values"},
    {"geometry"},
    {"models", "perception"},
    {"pipeline"},
    {"data"},
    {"training", "evaluation"},
    {"app"},
)
NO_FILES = {"geometry", "models"}
"""Rooms that compute and therefore know no media."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem == "errors")


def room(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def imported_rooms(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write the import with its full name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("cameo3d.")} - {"__version__"}


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
