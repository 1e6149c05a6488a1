import subprocess
import sys

PROGRAM = """
from cameo3d.bench.peak_memory import peak_megabytes
before = peak_megabytes()
block = b"x" * 300_000_000
del block
print(before, peak_megabytes())
"""


def test_the_peak_counts_what_was_held_and_given_back():
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before, after = map(float, result.stdout.split())
    assert after - before > 250
