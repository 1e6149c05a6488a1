#!/usr/bin/env bash
# Measures and compares what only a GPU can show, most telling first, in under eight minutes.
#
#   tools/gpu_check.sh [FOLDER [cuda|cpu [FACTOR]]]   by default gpu_check, cuda, 1
#   tools/gpu_check.sh wheels [PYTHON VERSION]        on a machine with a network: what a bare one lacks, into .whl
#
# FOLDER keeps what every step says, summary.json, and summary.md with tables for docs/benchmarks.md. Another call with
# the same folder goes on with what is missing or failed. With cpu everything is small: a rehearsal; FACTOR stretches
# all limits. It ends with 1 if anything failed or was left out.
#
# It runs in .venv where that is (`make` puts PyPI's torch there, which has CUDA), else with python3, which then needs
# torch with CUDA, numpy, scipy, numba, jaxtyping, safetensors, scikit-image, rich, pillow, OpenCV, and pytest for tests;
# av and cryptography are taken from .whl (41 MB; with the working tree 60 MiB).
set -uo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = wheels ]; then
    names=$(sed -n 's/^\(\(av\|cryptography\|cffi\|pycparser\)==[^ ]*\) .*/\1/p' requirements.lock)
    # shellcheck disable=SC2086
    exec python3 -m pip download -q --no-deps --only-binary=:all: --python-version "${2:-3.12}" --implementation cp \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d .whl $names
fi
out=${1:-gpu_check}
device=${2:-cuda}
python=.venv/bin/python
if [ ! -x $python ]; then
    python=python3
    if ls .whl/*.whl >/dev/null 2>&1; then
        site=$(mktemp -d)
        $python -m pip install -q --no-index --no-deps --no-compile --target "$site" .whl/*.whl || exit 1
        export PYTHONPATH=$site
    fi
fi
if [ "$device" = cuda ]; then
    $python -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() else "There is no CUDA device here; nothing was measured.")' || exit 1
fi
exec $python tools/gpu_check.py "$out" "$device" "${3:-1}"
