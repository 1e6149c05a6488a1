"""How an output says that it is generated; light enough to be read before anything is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Disclosure:
    """How an output says that it is generated. The plain tag in its metadata always does."""

    label: bool = False
    """Draw a small visible badge, "AI"."""
    mark: bool = True
    """Hide a mark in the picture that outlives its metadata; leave it out for research only."""
    credentials: bool = True
    """Sign the file with Content Credentials (C2PA); leave them out for research only."""


FULL_DISCLOSURE = Disclosure()
"""Both layers, no badge."""
