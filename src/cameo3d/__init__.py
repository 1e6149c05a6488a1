"""One photo in, a moving portrait video out.

The names below load the libraries they need at first use, so that `import cameo3d` itself stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cameo3d.models.avatar import Avatar
    from cameo3d.pipeline.animate import Animation, animate, create, track
    from cameo3d.values import Motion, Portrait

__version__ = "0.1.0"
__all__ = ["Animation", "Avatar", "Motion", "Portrait", "__version__", "animate", "create", "track"]

_HOMES = {
    "Animation": "cameo3d.pipeline.animate",
    "Avatar": "cameo3d.models.avatar",
    "Motion": "cameo3d.values",
    "Portrait": "cameo3d.values",
    "animate": "cameo3d.pipeline.animate",
    "create": "cameo3d.pipeline.animate",
    "track": "cameo3d.pipeline.animate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cameo3d' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
