"""Which avatar models a service can draw with."""

from typing import get_args

from cameo3d.app.server.documentation import ModelView
from cameo3d.pipeline.options import ModelName


def available_models() -> list[ModelView]:
    """Every model with the sizes whose weights are here."""
    from cameo3d.weights.released import RELEASED

    views = []
    for name in get_args(ModelName):
        official = RELEASED.get(f"{name}-official")
        sizes = [] if official is None else ["lite"]
        if official is not None and official.path.is_file():
            sizes.insert(0, "official")
        views.append(ModelView(model=name, sizes=sizes))
    return views
