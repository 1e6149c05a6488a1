"""`cameo3d bench`: measure speed and memory."""

from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import File, say
from cameo3d.errors import InputError
from cameo3d.pipeline.options import Device


def bench(
    name: Annotated[
        Positional[Literal["relief", "real3d", "goha", "live"]], arg(metavar="relief|real3d|goha|live")
    ] = "relief",
    size: Literal["official", "lite"] = "official",
    photo: File = None,
    video: File = None,
    compiled: bool = False,
    clip: bool = False,
    fast: bool = False,
    device: Device = "cpu",
    seconds: float = 30.0,
    json: File = None,
    compare: File = None,
    overwrite: bool = False,
) -> None:
    """Measure speed and memory, stage by stage.

    Args:
        name: What to measure; real3d and goha with random weights if none were imported; live is a head in
            real time as its viewer gets it, without a browser.
        size: For real3d and goha, the published network or the small model.
        photo: For relief and small models, photo to use instead of the astronaut's portrait.
        video: For relief, driving video to use instead of one that is rendered first.
        compiled: For real3d, measure the large networks compiled by torch.compile as well; takes minutes.
        clip: For real3d and goha, measure whole clips instead of stages: the first frame of a saved avatar,
            drawing with and without graphs, encoding, memory.
        fast: With --clip, compute in bfloat16 what bears it.
        device: For real3d and goha, where to compute.
        seconds: For live, how long the head speaks and idles by turns.
        json: File for the figures.
        compare: Figures of an earlier run to compare with.
        overwrite: Replace an existing JSON file.
    """
    if compiled and name != "real3d":
        raise InputError(f"--compiled is measured for real3d, not for {name}; leave it out.")
    if (clip and (name not in ("real3d", "goha") or size == "lite")) or (fast and not clip):
        raise InputError("--clip is for the official real3d and goha, --fast goes with it; leave them out.")
    if size == "lite" and name in ("relief", "live"):
        raise InputError("The relief model has one size; leave --size out.")
    if not 1 <= seconds <= 86400:
        raise InputError(f"--seconds should lie between 1 and 86400, got {seconds:g}.")
    if device != "cpu" and (name in ("relief", "live") or size == "lite"):
        raise InputError("This model runs on the CPU; leave --device out.")

    import torch

    from cameo3d.app.bench_table import show_table
    from cameo3d.app.outputs import checked_file
    from cameo3d.bench.clip import measure_clip
    from cameo3d.bench.goha import measure_goha
    from cameo3d.bench.lite import measure_lite
    from cameo3d.bench.live import measure_live
    from cameo3d.bench.real3d import measure_real3d
    from cameo3d.bench.relief import load_report, measure_relief, save_report

    earlier = load_report(compare) if compare else None
    out = checked_file(json, overwrite, [photo, video], ".json") if json else None
    if name == "live":
        report = measure_live(photo, seconds, say)
    elif name != "relief" and size == "lite":
        report = measure_lite(name, photo, say)
    elif clip and name != "relief":
        report = measure_clip(name, say, device, fast)
    elif name == "real3d":
        report = measure_real3d(say, device=device, compiler=torch.compile if compiled else None)
    elif name == "goha":
        report = measure_goha(say, device)
    else:
        report = measure_relief(photo, video, say)
    show_table(report, earlier)
    if out:
        save_report(report, out)
        print(out)
