"""`python -m cameo3d`."""

from cameo3d.app.cli import main

main()
