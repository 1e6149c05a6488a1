"""The clock of speech: every network that listens hears sound at one sample rate."""

SAMPLE_RATE = 16000
"""Samples per second of mono sound in [-1, 1]."""
