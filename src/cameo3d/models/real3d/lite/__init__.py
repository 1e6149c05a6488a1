"""Real3D-Portrait, small: planes by construction, learned corrections, and a look back at the photo."""
