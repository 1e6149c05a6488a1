"""`cameo3d doctor`: what is there, what is missing."""

import sys


def doctor() -> None:
    """List what is installed and what is missing, one line each."""
    from cameo3d.app.doctor import findings

    found = findings()
    for finding in found:
        print(finding.line)
    if not all(finding.good or finding.optional for finding in found):
        sys.exit(1)
