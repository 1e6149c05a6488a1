"""GOHA, small: neutral planes by construction, the photo lifted onto them, and an expression added."""
