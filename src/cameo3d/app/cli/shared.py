"""What the commands share: how arguments are shown, and how misuse is told."""

import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from cameo3d.errors import InputError
from cameo3d.media.files import check_input, check_output, shown
from cameo3d.pipeline.adjustments import NOTATIONS, Adjustments, Retouch
from cameo3d.pipeline.options import ModelOptions
from cameo3d.provenance.disclosure import Disclosure

File = Annotated[Path | None, arg(metavar="FILE")]
Photo = Annotated[Positional[Path], arg(metavar="PHOTO")]
PhotoOrAvatar = Annotated[Positional[Path], arg(metavar="PHOTO|AVATAR")]
Model = Annotated[ModelOptions, arg(name="")]
AdjustmentFlags = Annotated[Adjustments, arg(name="")]
RetouchFlags = Annotated[Retouch, arg(name="")]
DisclosureFlags = Annotated[Disclosure, arg(name="")]
Background = Annotated[str, arg(metavar="keep|FILE|COLOR|transparent")]

REGISTRY = ConstructorRegistry()
"""How arguments are read that have a notation of their own."""


@REGISTRY.primitive_rule
def _in_notation(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    if info.type in (float, bool) or info.type not in NOTATIONS:
        return None
    notation = NOTATIONS[info.type]
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=notation.metavar,
        instance_from_str=lambda words: notation.parse(words[0]),
        is_instance=lambda value: True,
        str_from_instance=lambda value: [notation.write(value)],
    )


def say(text: str) -> None:
    """Tell the user something on standard error."""
    print(f"cameo3d: {text}", file=sys.stderr)


class Misuse(SystemExit):
    """Options that do not go together, or a value out of range; the command line ends with 2."""

    def __init__(self, sentence: str) -> None:
        super().__init__(2)
        self.sentence = sentence


def usage(sentence: str) -> Misuse:
    """What to raise where options do not go together."""
    say(sentence)
    return Misuse(sentence)


def unit(name: str, value: float) -> float:
    """A number that lies between 0 and 1."""
    if not 0 <= value <= 1:
        raise usage(f"--{name} should lie between 0 and 1, got {value}.")
    return value


def check_files(out: Path | None, overwrite: bool, **inputs: Path | None) -> None:
    """Refuse what is not there, or must not be replaced, before libraries load, which takes seconds.

    Args:
        out: File that will be written.
        overwrite: Whether it may be replaced.
        inputs: Files by what they are for; folders are checked by those who read them.

    Raises:
        InputError: If a file cannot be read.
        OutputError: If the output cannot be written.
    """
    if out is not None and out.suffix:  # else a folder for frames
        check_output(out, overwrite)
    for what, path in inputs.items():
        if path is not None and not path.is_dir():
            check_input(path, what.replace("_", " "))


def check_folders(*folders: Path | None) -> None:
    """Refuse folders of data that are not there, before libraries load.

    Raises:
        InputError: If one is no folder.
    """
    for folder in folders:
        if folder is not None and not folder.is_dir():
            raise InputError(f"The data {shown(folder)} is not a folder; check the path.")
