"""Which rendering each iteration of GOHA's training looks at, one per iteration, as in the release."""

from typing import Literal

Mode = Literal["canonical", "coarse", "target", "source"]
"""Canonical planes; with the expression; with the photo's details, too; the same from the photo's camera."""

_RECONSTRUCTION: tuple[Mode, ...] = ("source", "target", "coarse", "coarse", "canonical", "canonical")
_ADVERSARIAL: tuple[Mode, ...] = ("source", "target", "coarse", "coarse", "coarse", "coarse")
_SUPER_RESOLUTION: tuple[Mode, ...] = ("source", "target")


def reconstruction_mode(iteration: int, canonical_until: int = 120_000) -> Mode:
    """Of stage 1: canonical planes alone at first, then all modes in turn."""
    return "canonical" if iteration <= canonical_until else _RECONSTRUCTION[iteration % 6]


def adversarial_mode(iteration: int) -> Mode:
    """Of stage 1b, where canonical planes no longer learn."""
    return _ADVERSARIAL[iteration % 6]


def super_resolution_mode(iteration: int) -> Mode:
    """Of stage 2."""
    return _SUPER_RESOLUTION[iteration % 2]


def smooths_in_reconstruction(mode: Mode, iteration: int) -> bool:
    """Whether stage 1 smooths the density of this iteration's planes."""
    turns = {"canonical": iteration % 6 == 4, "coarse": iteration % 4 == 0}
    return turns.get(mode, True)


def smooths_in_adversarial(mode: Mode, iteration: int) -> bool:
    """Whether stage 1b does."""
    return mode != "coarse" or iteration % 6 == 2
