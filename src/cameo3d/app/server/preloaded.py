"""Imports what workers need, so that the process they are forked from has it loaded. It starts no thread."""

import cameo3d.pipeline.animate  # noqa: F401
