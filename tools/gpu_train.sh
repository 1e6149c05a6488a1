#!/bin/bash
# Train the corrections of the lite models on a GPU in less than nine minutes, and go on where the last run stopped.
#
#   OUT=folder tools/gpu_train.sh PACK.tar.xz [FOLDER OF AN EARLIER RUN]
#
# PACK is made by tools/pack_corrections.py. Needs Python with torch, numpy, scipy, opencv, numba, safetensors and
# jaxtyping; nothing is installed or downloaded. Checkpoints (below 16 MiB each), logs, sheets and weights go to $OUT.
# DEVICE=cpu STEPS=3 tries it out.
set -eu
pack=$1
earlier=${2:-}
: "${OUT:?names the folder for results}"
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT"
[ -z "$earlier" ] || cp -r "$earlier/." "$OUT/"
tar -xJf "$pack" -C "$work"
export PYTHONPATH="$root/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
for stage in plane_correction face_correction; do
    # The limit ends a run that is slow; its last checkpoint stays, and the next call goes on from there.
    timeout "${SECONDS_EACH:-240}" python3 - "$stage" "$work" "$OUT/$stage" "${DEVICE:-cuda}" "${STEPS:-4000}" <<'PROGRAM' ||
import sys
from dataclasses import replace
from pathlib import Path
import torch
from cameo3d.app import train_correction as app
stage, data, out, device, steps = sys.argv[1:]
recipe = app.PlaneCorrectionRecipe() if stage == "plane_correction" else app.FaceCorrectionRecipe()
recipe = replace(recipe, steps=int(steps), batch=16 if device == "cuda" else 2)
learn = getattr(app, f"train_{stage}")
print(learn(Path(data), Path(out), recipe, torch.device(device)))
PROGRAM
        echo "$stage stopped early with status $?"
done
find "$OUT" -name '*.safetensors' -size +16M -print | sed 's/^/larger than 16 MiB: /'
