#!/usr/bin/env bash
# Measures what only a GPU can show, in under eight minutes: tests, parity with the recordings, speed and memory.
# Usage: tools/gpu_check.sh [FOLDER for results, by default gpu_check [cuda|cpu]]; exits with 1 if anything failed.
# With cpu it only rehearses that every step starts: figures of it say nothing.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:-gpu_check}
device=${2:-cuda}
bin=.venv/bin
mkdir -p "$out"
failed=0

run() { # NAME SECONDS COMMAND...: runs with a limit, keeps what it says
    local name=$1 limit=$2
    shift 2
    echo "== $name"
    if timeout "$limit" "$@" >"$out/$name.txt" 2>&1; then tail -n 3 "$out/$name.txt"; else
        echo "$name FAILED ($?)"; tail -n 15 "$out/$name.txt"; failed=1
    fi
}

if [ "$device" = cuda ]; then
    $bin/python - <<'PY' || exit 1
import sys, torch
if not torch.cuda.is_available():
    sys.exit("There is no CUDA device here; nothing was measured.")
print(torch.cuda.get_device_name(0), torch.__version__)
PY
    run card 10 nvidia-smi
fi
run steady 60 $bin/pytest -q -p no:cacheprovider tests/models/test_steady_frames.py
run tests 90 $bin/pytest -q -p no:cacheprovider tests/models/real3d tests/models/goha tests/blocks
run parity 120 $bin/pytest -q -p no:cacheprovider -rP tests/parity
run real3d 90 $bin/cameo3d bench real3d --device "$device" --json "$out/real3d.json" --overwrite
run goha 90 $bin/cameo3d bench goha --device "$device" --json "$out/goha.json" --overwrite
exit $failed
