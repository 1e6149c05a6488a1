"""Files in, files out: pictures, video and sound. Knows nothing of faces."""
