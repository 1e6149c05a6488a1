"""Two processes that torchrun starts, on the CPU through gloo."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from toy_stage import ToyBatches, ToyStage

from cameo3d.training.loop import Plan, train

PROGRAM = """
import sys
from pathlib import Path
from toy_stage import ToyBatches, ToyStage
from cameo3d.training.distributed import join_processes
from cameo3d.training.loop import Plan, train

with join_processes("cpu") as processes:
    train(ToyStage(), ToyBatches(), Plan(steps=3, workers=0), Path(sys.argv[1]), "toy", processes)
"""


def test_two_processes_do_as_one_that_adds_up_two_batches(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    command += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", str(script), str(tmp_path / "two")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]

    train(ToyStage(), ToyBatches(), Plan(steps=3, accumulate=2, workers=0), tmp_path / "one", "toy")
    one, two = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-6, rtol=1e-5)
