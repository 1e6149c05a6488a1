"""Does a file say that it is generated? Both layers are read, and what that proves is told."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from cameo3d.errors import CredentialsError, InputError
from cameo3d.media.files import check_input, shown
from cameo3d.media.images import read_image
from cameo3d.media.tags import read_tag
from cameo3d.media.video import probe_video, read_frames
from cameo3d.provenance.credentials import CredentialsReading, read_credentials
from cameo3d.provenance.detection import MarkReading, average_texture, read_mark
from cameo3d.provenance.manifest import kind_of

LONGEST_SECONDS = 60
"""Of longer videos only the first minute is looked at for the mark."""
NO_PROOF = (
    "That nothing was found does not prove that the file is genuine: metadata is easily removed; the mark is "
    "lost when a picture is drawn again, turned, cut by more than a fifth or coded very coarsely; and "
    "other tools mark otherwise or not at all."
)


@dataclass(frozen=True)
class Verdict:
    """What was found in a file."""

    path: Path
    credentials: CredentialsReading | None
    """None if there are none, or none that can be read."""
    problem: str | None
    """Why credentials could not be read."""
    mark: MarkReading
    tag: str | None
    """The comment in the metadata, which proves nothing."""

    @property
    def found(self) -> bool:
        """Whether one of the layers says that the file is generated."""
        signed = self.credentials is not None and self.credentials.intact and self.credentials.generated
        return signed or self.mark.found

    @property
    def line(self) -> str:
        """The verdict in one line."""
        verdict = "AI-generated" if self.found else "nothing found"
        return f"{verdict}: {self._about_credentials()}; {self._about_mark()}"

    def lines(self) -> list[str]:
        """The verdict in some lines."""
        lines = [
            f"{'AI-generated' if self.found else 'Nothing found'}: {shown(self.path)}",
            f"  credentials: {self._about_credentials()}",
            f"  mark:        {self._about_mark()}",
            f"  plain tag:   {shown(Path(self.tag)) if self.tag else 'none'}",
        ]
        return lines if self.found else [*lines, NO_PROOF]

    def facts(self) -> dict:
        """The verdict as plain values, for JSON."""
        mark = self.mark
        return {
            "found": self.found,
            "credentials": None if self.credentials is None else asdict(self.credentials),
            "credentials_problem": self.problem,
            "mark": {
                "found": mark.found,
                "p_value": mark.p_value,
                "deviations": round(mark.deviations, 2),
                "id": None if mark.identity is None else f"{mark.identity:08x}",
                "kept_width": round(mark.kept[0], 3),
                "kept_height": round(mark.kept[1], 3),
            },
            "tag": self.tag,
            "note": None if self.found else NO_PROOF,
        }

    def _about_credentials(self) -> str:
        one = self.credentials
        if one is None:
            return self.problem or "no credentials"
        if not one.intact:
            return f"credentials that do not fit the file ({', '.join(one.problems)}): it was changed since"
        says = "say it is generated" if one.generated else "do not say that it is generated"
        model = f" with the {one.model} model" if one.model else ""
        if one.ours:
            signer = "signed by this installation"
        else:
            signer = f"signed by {one.signer}" + ("" if one.known else ", which nobody vouches for")
        return f"credentials of {one.tool}{model} are intact, {says}, {signer}"

    def _about_mark(self) -> str:
        one = self.mark
        if not one.found:
            return f"no mark ({one.deviations:.1f} standard deviations, p {one.p_value:.2g})"
        identity = "id too weak to read" if one.identity is None else f"id {one.identity:08x}"
        if one.identity is not None and self.credentials is not None and self.credentials.mark is not None:
            same = self.credentials.mark == f"{one.identity:08x}"
            identity += ", the one in the credentials" if same else ", another one than the credentials name"
        cropped = (
            "" if min(one.kept) >= 1 else f", {one.kept[0]:.0%} x {one.kept[1]:.0%} of the picture is left"
        )
        return f"mark found ({identity}, p {one.p_value:.1g}{cropped})"


def verify(path: Path, search: bool = True) -> Verdict:
    """Look for credentials and mark in a picture or a video.

    Args:
        path: The file.
        search: Whether to look for the mark in a cropped picture, too, which takes about two seconds.

    Raises:
        InputError: If it is neither picture nor video, or is damaged.
    """
    check_input(path, "file")
    frames, rate = _frames(path)
    mark = read_mark(average_texture(frames, rate), search)
    try:
        credentials, problem = read_credentials(path), None
    except CredentialsError as error:
        credentials, problem = None, f"credentials that cannot be read ({str(error).rstrip('.')})"
    return Verdict(path, credentials, problem, mark, read_tag(path))


def _frames(path: Path) -> tuple[Iterator[UInt8[np.ndarray, "height width 3"]], float]:
    if _is_picture(path):
        return iter([read_image(path)]), 1.0
    rate = float(probe_video(path).frame_rate)
    return islice(read_frames(path), round(LONGEST_SECONDS * rate)), rate


def _is_picture(path: Path) -> bool:
    Image.init()
    try:
        with Image.open(path):
            return True
    except UnidentifiedImageError as error:
        if (kind_of(path) or "").startswith("image/"):
            raise InputError(f"The file {shown(path)} is damaged; give another.") from error
        return False
    except Exception as error:  # Pillow's parsers raise many kinds on damaged headers
        raise InputError(f"The file {shown(path)} is damaged; give another.") from error
