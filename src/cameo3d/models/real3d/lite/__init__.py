"""Real3D-Portrait, small: planes by construction, what only data tell on top, and a look back at the photo."""
