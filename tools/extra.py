"""Print what an extra asks for, one requirement a line, for a pip that leaves the package itself alone.

    pip install $(python tools/extra.py docs)

`pip install cameo3d[docs]` would also fetch what requirements.lock leaves out on purpose.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf8"))["project"]
print(*project["optional-dependencies"][sys.argv[1]], sep="\n")
