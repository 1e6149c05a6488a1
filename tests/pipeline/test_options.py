from dataclasses import dataclass
from typing import Literal

from cameo3d.models.voice.contract import Delivery
from cameo3d.pipeline.adjustments import Adjustments
from cameo3d.pipeline.options import ModelOptions, Option, options_of


@dataclass(frozen=True)
class _Base:
    near: Literal["yes", "no"] | None = None
    """Whether it is near."""


@dataclass(frozen=True)
class _Example(_Base):
    count: int = 3
    """How many."""
    size: Literal[1, 2] = 2
    share: dict[str, float] | float = 1.0


def test_options_tell_name_kind_choices_default_and_help_the_base_first():
    assert options_of(_Example) == (
        Option("near", str, ("yes", "no"), None, "Whether it is near."),
        Option("count", int, (), 3, "How many."),
        Option("size", int, (1, 2), 2, ""),
        Option("share", None, (), 1.0, ""),
    )


def test_everything_that_can_be_chosen_has_a_line_of_help():
    for cls in (ModelOptions, Adjustments, Delivery):
        for option in options_of(cls):
            assert 10 < len(option.help) < 250, (cls, option.name)
            assert option.help.endswith("."), option.name
    assert [option.name for option in options_of(Adjustments)] == [
        *("set", "gaze", "head", "only", "strength", "crop_scale", "loop"),
    ]
