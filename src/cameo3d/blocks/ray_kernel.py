"""The volume rendering of `volume_rendering` for tri-planes, compiled: one pass over each ray.

It follows `render_rays` with a `PlaneDecoder` step by step, in float32 on the CPU and without gradients.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from cameo3d.blocks.triplanes import PlaneAxes
from cameo3d.blocks.volume_rendering import Rendering, SampleNoise
from cameo3d.geometry.compiled import compiled

LEAST_SHARE = 1e-7
"""Colours of samples that give a pixel less than this share of its light are not computed."""
_RAYS_PER_TASK = 512


@dataclass(frozen=True)
class DecoderWeights:
    """Two linear layers as they are applied: a softplus between them, then density first, colours behind."""

    first: Float32[Tensor, "hidden channels"]
    first_bias: Float32[Tensor, " hidden"]
    second: Float32[Tensor, "outputs hidden"]
    second_bias: Float32[Tensor, " outputs"]


def trace_planes(
    planes: Float32[Tensor, "batch 3 channels height width"],
    weights: DecoderWeights,
    axes: PlaneAxes,
    box_side: float,
    origins: Float32[Tensor, "batch rays 3"],
    directions: Float32[Tensor, "batch rays 3"],
    near: Float32[Tensor, "batch rays"],
    far: Float32[Tensor, "batch rays"],
    noise: SampleNoise,
) -> Rendering:
    """What rays see of tri-planes; the arguments are those of `sample_triplanes` and `render_rays`.

    Colours are as many as the decoder's weights give, so that those that nobody reads can be left away.

    Raises:
        ValueError: If the planes' channels are no multiple of 4.
    """
    if planes.shape[2] % 4:
        raise ValueError(f"Planes need a multiple of 4 channels, got {planes.shape[2]}.")
    batch, rays = near.shape
    colors = len(weights.second) - 1
    features = np.empty((batch, rays, colors), np.float32)
    moments = np.empty((batch, rays, 2), np.float32)
    # The two layers work on the sum of three planes; the mean is in the weights.
    first = np.ascontiguousarray(weights.first.mT.numpy() / np.float32(3))
    layers = (first, _array(weights.first_bias), _array(weights.second), _array(weights.second_bias))
    pairs = np.array(axes, np.int64)
    texels = planes.movedim(2, -1)
    tasks = []
    for index in range(batch):
        fixed = (_array(texels[index]), pairs, np.float32(box_side), *layers)
        for start in range(0, rays, _RAYS_PER_TASK):
            part = slice(start, start + _RAYS_PER_TASK)
            given = (origins, directions, near, far, noise.jitter, noise.quantiles)
            arrays = [_array(x[index, part]) for x in given]
            tasks.append((*fixed, *arrays, features[index, part], moments[index, part]))
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        ranges = list(pool.map(lambda task: _trace(*task, np.float32(LEAST_SHARE)), tasks))
    moment, opacity = torch.from_numpy(moments).unbind(-1)
    depths = (moment / opacity).nan_to_num(nan=torch.inf)
    return Rendering(
        features=torch.from_numpy(features),
        depths=depths.clamp(min(low for low, _ in ranges), max(high for _, high in ranges)),
        opacities=opacity.clone(),
    )


def _array(x: Tensor) -> np.ndarray:
    return x.detach().contiguous().numpy()


@compiled
def _trace(
    planes, axes, box_side, first, first_bias, second, second_bias,
    origins, directions, near, far, jitter, quantiles, features, moments, least_share,
):  # fmt: skip
    """Fill features (rays colours) and moments (rays 2: weighted depth, opacity); the range of all depths."""
    coarse, fine = jitter.shape[1], quantiles.shape[1]
    count, hidden, colors = coarse + fine, first.shape[1], second.shape[0] - 1
    depths, densities = np.empty(count, np.float32), np.empty(count, np.float32)
    sums = np.empty((count, planes.shape[3]), np.float32)
    active = np.empty((count, hidden), np.float32)
    order = np.empty(count, np.int64)
    sorted_depths, sorted_densities = np.empty(count, np.float32), np.empty(count, np.float32)
    weights, steps = np.empty(count, np.float32), np.empty(count, np.float32)
    shares, tones = np.empty(count, np.float32), np.empty((count, colors), np.float32)
    room = count * max(hidden, colors)
    exponents, rests = np.empty(room, np.int32), np.empty(room, np.float32)
    smooth, ends = np.empty(coarse, np.float32), np.empty(coarse, np.float32)
    half, one = np.float32(0.5), np.float32(1)
    lowest, highest = np.float32(np.inf), np.float32(-np.inf)
    for ray in range(near.shape[0]):
        span = far[ray] - near[ray]
        for i in range(coarse):
            depths[i] = near[ray] + np.float32(i) / np.float32(coarse - 1) * span
            depths[i] += jitter[ray, i] * (span / np.float32(coarse - 1))
        origin, direction = origins[ray], directions[ray]
        _sum_planes(planes, axes, box_side, origin, direction, depths[:coarse], sums[:coarse])
        _decode(
            sums[:coarse], first, first_bias, second, second_bias, active[:coarse],
            exponents, rests, densities[:coarse],
        )  # fmt: skip
        _slab_weights(densities[:coarse], depths[:coarse], weights, steps, exponents, rests)

        # Fine samples, as `fine_depths` chooses them.
        slabs = coarse - 1
        for i in range(slabs):
            left = max(weights[i - 1], weights[i]) if i > 0 else weights[i]
            right = max(weights[i], weights[i + 1]) if i < slabs - 1 else weights[i]
            smooth[i] = (left + right) * half + np.float32(0.01)
        total = np.float32(0)
        for i in range(1, slabs - 1):
            total += smooth[i] + np.float32(1e-5)
        ends[0] = 0
        for i in range(1, slabs - 1):
            ends[i] = ends[i - 1] + (smooth[i] + np.float32(1e-5)) / total
        last = slabs - 2
        after = 0
        for j in range(fine):
            quantile = quantiles[ray, j]
            if j == 0 or quantile < quantiles[ray, j - 1]:
                after = 0
            while after <= last and ends[after] <= quantile:
                after += 1
            below, above = max(after - 1, 0), min(after, last)
            width = ends[above] - ends[below]
            if width < np.float32(1e-5):
                width = one
            start = (depths[below] + depths[below + 1]) * half
            stop = (depths[above] + depths[above + 1]) * half
            depths[coarse + j] = start + (quantile - ends[below]) / width * (stop - start)
        _sum_planes(planes, axes, box_side, origin, direction, depths[coarse:], sums[coarse:])
        _decode(
            sums[coarse:], first, first_bias, second, second_bias,
            active[coarse:], exponents, rests, densities[coarse:],
        )  # fmt: skip

        for i in range(count):  # insertion, since both halves are mostly sorted already
            place = i
            while place > 0 and depths[order[place - 1]] > depths[i]:
                order[place] = order[place - 1]
                place -= 1
            order[place] = i
        for i in range(count):
            sorted_depths[i], sorted_densities[i] = depths[order[i]], densities[order[i]]
        lowest, highest = min(lowest, sorted_depths[0]), max(highest, sorted_depths[count - 1])
        _slab_weights(sorted_densities, sorted_depths, weights, steps, exponents, rests)
        moment, opacity = np.float32(0), np.float32(0)
        shares[:] = 0
        for i in range(count - 1):
            moment += weights[i] * ((sorted_depths[i] + sorted_depths[i + 1]) * half)
            opacity += weights[i]
            shares[i] += weights[i] * half
            shares[i + 1] += weights[i] * half
        moments[ray, 0], moments[ray, 1] = moment, opacity
        kept = 0
        for i in range(count):
            if shares[i] < least_share:
                continue
            row = active[order[i]]
            for k in range(colors):
                value = second_bias[k + 1]
                for h in range(hidden):
                    value += row[h] * second[k + 1, h]
                tones[kept, k] = -value
            shares[kept] = np.float32(2) * shares[i]
            kept += 1
        _exp(tones[:kept].reshape(-1), exponents)
        features[ray] = -1
        for i in range(kept):
            for k in range(colors):
                # Colours are a thousandth wider than [0, 1].
                sigmoid = one / (one + tones[i, k])
                features[ray, k] += shares[i] * (sigmoid * np.float32(1.002) - np.float32(0.001))
    return lowest, highest


@compiled
def _sum_planes(planes, axes, box_side, origin, direction, depths, sums):
    """The sum of what three planes hold at each depth of a ray, bilinear, fading into zeros beyond them."""
    height, width, channels = planes.shape[1], planes.shape[2], planes.shape[3]
    scale, one = np.float32(2) / box_side, np.float32(1)
    half_width, half_height, half = np.float32(width) / 2, np.float32(height) / 2, np.float32(0.5)
    for i in range(len(depths)):
        sums[i] = 0
        for plane in range(3):
            across, down = axes[plane, 0], axes[plane, 1]
            x = (origin[across] + depths[i] * direction[across]) * scale
            y = (origin[down] + depths[i] * direction[down]) * scale
            column = (x + one) * np.float32(half_width) - half
            row = (y + one) * np.float32(half_height) - half
            if not (-one < column < width and -one < row < height):
                continue
            left, top = int(np.floor(column)), int(np.floor(row))
            right_share, low_share = column - np.float32(left), row - np.float32(top)
            left_share, top_share = one - right_share, one - low_share
            if left < 0:
                left_share = np.float32(0)
            if left + 1 >= width:
                right_share = np.float32(0)
            if top < 0:
                top_share = np.float32(0)
            if top + 1 >= height:
                low_share = np.float32(0)
            first, second = max(left, 0), min(left + 1, width - 1)
            upper, lower = max(top, 0), min(top + 1, height - 1)
            a, b = planes[plane, upper, first], planes[plane, upper, second]
            c, d = planes[plane, lower, first], planes[plane, lower, second]
            wa, wb = left_share * top_share, right_share * top_share
            wc, wd = left_share * low_share, right_share * low_share
            for k in range(channels):
                sums[i, k] += wa * a[k] + wb * b[k] + wc * c[k] + wd * d[k]


@compiled
def _decode(sums, first, first_bias, second, second_bias, active, exponents, rests, densities):
    """Hidden values behind the softplus, and densities before their activation, of some samples."""
    hidden = first.shape[1]
    np.dot(sums, first, active)
    for i in range(len(sums)):
        for h in range(hidden):
            active[i, h] += first_bias[h]
    _softplus(active.reshape(-1), exponents, rests)
    for i in range(len(sums)):
        row = active[i]
        density = second_bias[0]
        for h in range(hidden):
            density += row[h] * second[0, h]
        densities[i] = density


@compiled
def _slab_weights(densities, depths, weights, steps, exponents, rests):
    """The share of light from each slab, as in `volume_rendering`; `steps` is room for as many numbers."""
    slabs, half, one = len(depths) - 1, np.float32(0.5), np.float32(1)
    for i in range(slabs):
        steps[i] = (densities[i] + densities[i + 1]) * half - one
    _softplus(steps[:slabs], exponents, rests)
    for i in range(slabs):
        steps[i] *= depths[i] - depths[i + 1]
    _exp(steps[:slabs], exponents)
    passed = one
    for i in range(slabs):
        weights[i] = (one - steps[i]) * passed
        passed *= steps[i] + np.float32(1e-10)


@compiled
def _softplus(values, exponents, rests):
    """log(1 + exp(x)) in place: with s = t / (2 + t), log(1 + t) is 2 artanh(s), and s is at most 1/3."""
    for i in range(len(values)):
        rests[i] = -abs(values[i])
    _exp(rests[: len(values)], exponents)
    for i in range(len(values)):
        s = rests[i] / (np.float32(2) + rests[i])
        square = s * s
        series = np.float32(1 / 15)
        series = series * square + np.float32(1 / 13)
        series = series * square + np.float32(1 / 11)
        series = series * square + np.float32(1 / 9)
        series = series * square + np.float32(1 / 7)
        series = series * square + np.float32(1 / 5)
        series = series * square + np.float32(1 / 3)
        series = series * square + np.float32(1)
        values[i] = (values[i] + abs(values[i])) * np.float32(0.5) + np.float32(2) * s * series


@compiled
def _exp(values, exponents):
    """exp(x) in place, for x up to 88: the whole part of the power of 2 as bits, the rest as a series."""
    size = len(values)
    # Two loops, since the compiler makes no vector code of one that reads what it wrote as another type.
    for i in range(size):
        t = values[i] * np.float32(1.4426950408889634)
        t = t if t > np.float32(-126) else np.float32(-126)
        power = np.int32(t + np.float32(127.5))
        exponents[i] = power << np.int32(23)
        t -= np.float32(np.int32(power - np.int32(127)))
        value = np.float32(1.5252734e-5)
        value = value * t + np.float32(1.5403530e-4)
        value = value * t + np.float32(1.3333558e-3)
        value = value * t + np.float32(9.6181291e-3)
        value = value * t + np.float32(5.5504109e-2)
        value = value * t + np.float32(0.24022651)
        value = value * t + np.float32(0.69314718)
        values[i] = value * t + np.float32(1)
    powers = exponents.view(np.float32)
    for i in range(size):
        values[i] *= powers[i]
