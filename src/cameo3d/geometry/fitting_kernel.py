"""The loops of `cameo3d.geometry.fitting`: derivatives, their products, and steps within bounds."""

import numpy as np
from jaxtyping import Float32, Float64, Int64

from cameo3d.geometry.compiled import compiled

_LEAST_SLOPE, _MOST_STEPS = 1e-6, 30
"""A bounded problem counts as solved at such a share of its gradient; after so many steps it is left."""
_COLUMNS = 128
"""Products are summed up in single precision over so many residuals, then in double precision."""


def equations(
    basis: Float32[np.ndarray, "shapes 3 vertices"],
    posed: Float64[np.ndarray, "vertices 3"],
    rotation: Float64[np.ndarray, "3 3"],
    translation: Float64[np.ndarray, "3"],
    points: Float64[np.ndarray, "vertices 2"],
    depths: Float64[np.ndarray, " vertices"],
    focal: float,
    scales: Float64[np.ndarray, "2 vertices"],
    facing: Int64[np.ndarray, "2 pairs"],
    gap_scale: float,
) -> tuple[Float64[np.ndarray, "unknowns unknowns"], Float64[np.ndarray, " unknowns"]]:
    """Normal equations of one picture: `J J^T` and `J r`, all residuals over their sigmas.

    Args:
        basis: What each weight adds to the vertices, metres.
        posed: Vertices in the camera's axes, metres.
        rotation: From head axes to the camera's.
        translation: The head's origin there, metres.
        points: Where the vertices are seen, from the picture's middle, in pixels.
        depths: Their depths against their mean, in pixels.
        focal: Of the camera, in pixels.
        scales: One over the sigma of each vertex's place and of its depth.
        facing: Vertices whose distance in the picture counts apart.
        gap_scale: One over its sigma.

    Returns:
        Both by a small rotation, a translation, and the weights.
    """
    unknowns, vertices, pairs = 6 + len(basis), len(posed), facing.shape[1]
    width = -(-(3 * vertices + 2 * pairs) // _COLUMNS) * _COLUMNS
    count = unknowns + unknowns % 2  # rows are multiplied two by two
    rows, residuals = np.zeros((count, width), np.float32), np.zeros(width, np.float32)
    hessian, gradient = np.zeros((count, count)), np.zeros(count)
    turn = rotation.astype(np.float32)
    derivatives, weights = rows[:unknowns], scales.astype(np.float32)
    _linearize(
        *(basis, posed, turn, translation, points, depths, focal, weights, facing, gap_scale),
        *(derivatives, residuals),
    )
    _multiply(rows, residuals, hessian, gradient)
    return hessian[:unknowns, :unknowns], gradient[:unknowns]


@compiled
def solve_bounded(
    hessian: Float64[np.ndarray, "unknowns unknowns"],
    gradient: Float64[np.ndarray, " unknowns"],
    lower: Float64[np.ndarray, " unknowns"],
    upper: Float64[np.ndarray, " unknowns"],
    start: Float64[np.ndarray, " unknowns"],
) -> Float64[np.ndarray, " unknowns"]:
    """Minimise `x H x / 2 - g x` within bounds: Newton steps on the variables that are not stuck at one."""
    count = len(start)
    x, moved, bend, slope = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    free, factor, step = np.empty(count, np.int64), np.empty((count, count)), np.empty(count)
    largest = 0.0
    for i in range(count):
        x[i] = min(max(start[i], lower[i]), upper[i])
        largest = max(largest, abs(gradient[i]))
    for i in range(count):
        slope[i] = _product(hessian[i], x, count) - gradient[i]
    for _ in range(_MOST_STEPS):
        unstuck, steepest = 0, 0.0
        for i in range(count):
            if not ((x[i] <= lower[i] and slope[i] > 0) or (x[i] >= upper[i] and slope[i] < 0)):
                free[unstuck] = i
                steepest = max(steepest, abs(slope[i]))
                unstuck += 1
        if steepest < _LEAST_SLOPE * largest:
            break
        _solve(hessian, slope, free[:unstuck], factor, step)
        for share in (1.0, 0.5, 0.25, 0.1, 0.03):
            moved[:] = 0
            for i in range(unstuck):
                at = free[i]
                moved[at] = min(max(x[at] + share * step[i], lower[at]), upper[at]) - x[at]
            fall = 0.0
            for i in range(count):
                bend[i] = _product(hessian[i], moved, count)
                fall += moved[i] * (slope[i] + bend[i] / 2)
            if fall < 0:
                break
        for i in range(count):
            x[i] = min(max(x[i] + moved[i], lower[i]), upper[i])
            slope[i] += bend[i]
    return x


@compiled
def _product(one, other, count):
    total = 0.0
    for i in range(count):
        total += one[i] * other[i]
    return total


@compiled
def _solve(hessian, slope, free, factor, step):
    """Where the free variables' slopes vanish, by Cholesky."""
    count = len(free)
    for i in range(count):
        for j in range(i):
            factor[i, j] = (hessian[free[i], free[j]] - _product(factor[i], factor[j], j)) / factor[j, j]
        factor[i, i] = np.sqrt(max(hessian[free[i], free[i]] - _product(factor[i], factor[i], i), 1e-300))
        step[i] = (-slope[free[i]] - _product(factor[i], step, i)) / factor[i, i]
    for i in range(count - 1, -1, -1):
        step[i] /= factor[i, i]
        for j in range(i):
            step[j] -= step[i] * factor[i, j]


@compiled
def _linearize(
    basis, posed, turn, translation, points, depths, focal, scales, facing, gap_scale, rows, residuals
):
    """Rows of derivatives by a small rotation, a translation and the weights; and the residuals."""
    count, vertices, pairs = len(rows), len(posed), facing.shape[1]
    near, image = np.empty(vertices, np.float32), np.empty((2, vertices), np.float32)
    middle = 0.0
    for p in range(vertices):
        middle += posed[p, 2]
    middle /= vertices
    per_meter = focal / translation[2]
    for p in range(vertices):
        near[p] = focal / posed[p, 2]
        for k in range(2):
            at = posed[p, k] / posed[p, 2]
            image[k, p] = at
            residuals[k * vertices + p] = points[p, k] - at * focal
        residuals[2 * vertices + p] = (depths[p] - (posed[p, 2] - middle) * per_meter) * scales[1, p]
    moves = np.empty((3, vertices), np.float32)
    for row in range(count):
        if row < 6:
            for k in range(3):
                for p in range(vertices):
                    moves[k, p] = 1.0 if row == 3 + k else 0.0
            if row < 3:
                # A turn about one axis moves the second from the third and the third from the second.
                second, third = (row + 1) % 3, (row + 2) % 3
                for p in range(vertices):
                    moves[second, p] = translation[third] - posed[p, third]
                    moves[third, p] = posed[p, second] - translation[second]
        else:
            x, y, z = basis[row - 6, 0], basis[row - 6, 1], basis[row - 6, 2]
            for k in range(3):
                for p in range(vertices):
                    moves[k, p] = turn[k, 0] * x[p] + turn[k, 1] * y[p] + turn[k, 2] * z[p]
        total = np.float32(0)
        for p in range(vertices):
            total += moves[2, p]
        total /= np.float32(vertices)
        out, scale = rows[row, 2 * vertices :], np.float32(per_meter)
        for p in range(vertices):
            out[p] = (moves[2, p] - total) * scale * scales[1, p]
        for k in range(2):
            out = rows[row, k * vertices :]
            for p in range(vertices):
                out[p] = (moves[k, p] - moves[2, p] * image[k, p]) * near[p]
            gaps = rows[row, 3 * vertices + k * pairs :]
            for g in range(pairs):
                gaps[g] = (out[facing[0, g]] - out[facing[1, g]]) * gap_scale
            for p in range(vertices):
                out[p] *= scales[0, p]
    for k in range(2):
        out, gaps = residuals[k * vertices :], residuals[3 * vertices + k * pairs :]
        for g in range(pairs):
            gaps[g] = (out[facing[0, g]] - out[facing[1, g]]) * gap_scale
        for p in range(vertices):
            out[p] *= scales[0, p]


@compiled
def _multiply(rows, residuals, hessian, gradient):
    """Products of all rows with each other, two by two, and with the residuals.

    A library would share so small a product among threads, which costs more than it gains, and on a busy
    machine many times more.
    """
    count, width = rows.shape
    for start in range(0, width, _COLUMNS):
        for i in range(count):
            a, r, total = rows[i, start:], residuals[start:], np.float32(0)
            for c in range(_COLUMNS):
                total += a[c] * r[c]
            gradient[i] += total
        for i in range(0, count, 2):
            a, b = rows[i, start:], rows[i + 1, start:]
            for j in range(0, i + 2, 2):
                x, y = rows[j, start:], rows[j + 1, start:]
                ax, ay, bx, by = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
                for c in range(_COLUMNS):
                    ax += a[c] * x[c]
                    ay += a[c] * y[c]
                    bx += b[c] * x[c]
                    by += b[c] * y[c]
                hessian[i, j] += ax
                hessian[i, j + 1] += ay
                hessian[i + 1, j] += bx
                hessian[i + 1, j + 1] += by
    for i in range(count):
        for j in range(i):
            hessian[j, i] = hessian[i, j]
