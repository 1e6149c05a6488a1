"""Content Credentials of an output, after the C2PA specification 2: what is signed, and where it stands."""

from importlib.metadata import version
from pathlib import Path

from cameo3d.provenance.origin import Origin

KINDS = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}
"""Media type of every kind of file that is written."""
SIDECAR_KINDS = (".webm", ".mkv")
"""Kinds that cannot hold credentials; a file of the same name that ends in .c2pa does."""
ORIGIN_LABEL = "org.cameo3d.origin"
"""Our own assertion: model, seed and hashes."""
MARK_ALGORITHM = "org.cameo3d.mark.1"
"""How the soft binding names our mark."""


def sidecar(path: Path) -> Path:
    """Where the credentials of a kind that cannot hold them stand."""
    return path.with_suffix(".c2pa")


def kind_of(path: Path) -> str | None:
    """The media type that the first bytes of a file tell; its name may be wrong."""
    with path.open("rb") as file:
        head = file.read(12)
    if head.startswith(b"\x89PNG"):
        return KINDS[".png"]
    if head.startswith(b"\xff\xd8"):
        return KINDS[".jpg"]
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return KINDS[".webp"]
    if head[4:8] == b"ftyp":
        return KINDS[".mov" if head[8:] == b"qt  " else ".mp4"]
    return KINDS[".webm"] if head.startswith(b"\x1aE\xdf\xa3") else None


def manifest(origin: Origin, kind: str, marked: bool) -> dict:
    """The manifest of an output, as c2pa's builder takes it. It holds no name, no path and no time.

    Args:
        origin: From what it was made.
        kind: Its media type.
        marked: Whether the picture carries the invisible mark.
    """
    tool = {"name": "cameo3d", "version": version("cameo3d")}
    created = {"action": "c2pa.created", "digitalSourceType": origin.source_type, "softwareAgent": tool}
    facts = {
        "model": origin.model,
        "seed": origin.seed,
        "ingredients": [{"role": one.role, "sha256": one.sha256} for one in origin.ingredients],
    }
    assertions = [
        {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
        {"label": ORIGIN_LABEL, "data": facts},
    ]
    if marked:
        block = {"scope": {}, "value": f"{origin.identity:08x}"}
        binding = {"alg": MARK_ALGORITHM, "blocks": [block]}
        assertions.append({"label": "c2pa.soft-binding", "data": binding})
    return {
        "claim_generator_info": [tool],
        "title": kind.partition("/")[0],
        "format": kind,
        "assertions": assertions,
        "ingredients": [
            {"title": one.role, "relationship": "inputTo", "instance_id": f"sha256:{one.sha256}"}
            for one in origin.ingredients
        ],
    }
