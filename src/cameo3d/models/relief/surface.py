"""Lift a photo to a surface: the fitted face, and around it hair, skull, neck and shoulders."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int32
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve
from scipy.spatial import Delaunay, KDTree

from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.ears import Ears
from cameo3d.models.relief.outline import without_ears

SKULL_CENTER = np.array([0.0, -0.03, 0.085], np.float32)
"""Middle of the skull in head axes, metres: a little above the face's middle, where front and back meet. A
head is widest 1 cm behind it (docs/lab.md)."""
_CELL = 4
"""Canvas pixels in a cell of the depth map."""
_NECK_BACK, _NECK_HEIGHT = 0.015, 0.055
"""Metres by which the middle of neck and shoulders lies behind the skull's, and the throat before that."""
_CHIN_DROP = 0.01
"""Metres over which the chin goes over into the throat."""
_FRINGE = 0.02
"""Metres by which the surface reaches beyond the matte's middle, so that soft hair lies on it."""


class Heights(NamedTuple):
    """Depth over the canvas, and which cells belong to the person."""

    depths: Float32[np.ndarray, "rows columns"]
    """Distance along the camera's axis, metres."""
    silhouette: Float32[np.ndarray, "rows columns"]
    """Depth of the plane in which front and back of the person meet."""
    inside: Float32[np.ndarray, "rows columns"]
    """How far a cell lies within the person's outline, metres."""
    person: Bool[np.ndarray, "rows columns"]
    """Cells within the person or its soft edge."""
    head: Float32[np.ndarray, "rows columns"]
    """How far a cell follows the head: 1 head, 0 torso."""
    face: Float32[np.ndarray, "rows columns"]
    """1 where the face itself lies."""


def lift(
    matte: Float32[np.ndarray, "side side"],
    cloth: Float32[np.ndarray, "half half"],
    face_points: Float32[np.ndarray, "468 2"],
    face_depths: Float32[np.ndarray, " 468"],
    face_triangles: Int32[np.ndarray, "triangles 3"],
    head_position: Float32[np.ndarray, "side_rows side_columns 2"],
    skull_depth: float,
    cell_meters: float,
    ears: Ears,
) -> Heights:
    """Extrapolate the face's depth over the whole person.

    Heights above the silhouette's plane are found through their squares, which obey Poisson's equation with
    constant curvature: exact for a ball, and round at every silhouette.

    Args:
        matte: Coverage of the person on the canvas, in [0, 1].
        cloth: How little a pixel looks like the face's skin, in [0, 1]; below the jaw such pixels stay with
            the torso.
        face_points: The face's vertices on the canvas, pixels.
        face_depths: Their depths, metres.
        face_triangles: The face without holes.
        head_position: Where each cell lies in the head's own (x, y), metres from the face's middle.
        skull_depth: Depth of the skull's middle, metres.
        cell_meters: Size of a cell at that depth.
        ears: Those that the photo shows.
    """
    rows, columns = head_position.shape[:2]
    cover = cv2.resize(matte, (columns, rows), interpolation=cv2.INTER_AREA)
    solid = cover > 0.5
    x, y = head_position[..., 0], head_position[..., 1]
    chin = _chin_level(face_points, head_position)
    # The head ends at the jaw, and next to it a little higher; the neck takes up the motion.
    jaw = chin + 0.002 - 0.035 * np.clip((np.abs(x) - 0.03) / 0.06, 0, 1)
    head = 1 - smoothstep((y - jaw) / 0.06)
    dressed = cv2.resize(cloth, (columns, rows), interpolation=cv2.INTER_AREA)
    dressed = cv2.GaussianBlur(dressed, (0, 0), 0.005 / cell_meters)
    head = head * (1 - 0.9 * dressed * smoothstep((y - jaw - 0.004) / 0.022))

    silhouette = (skull_depth + _NECK_BACK * (1 - head)).astype(np.float32)
    # An ear's edge lies before the head behind it, which begins at the ear's root.
    silhouette += np.minimum(ears.depths - silhouette, 0) * ears.edge
    raster = rasterize(face_points / _CELL, face_depths, face_triangles, face_depths[:, None], rows, columns)
    on_face = np.isfinite(raster.depths)
    face_height = np.where(on_face, silhouette - raster.attributes[..., 0], 0).clip(0.004)
    on_ear = ears.seen & ~on_face
    known_height = np.where(on_ear, (silhouette - ears.depths).clip(0), face_height)
    known = on_face | on_ear

    roundness = 4 * cell_meters**2 * (0.75 * head + 0.12 * (1 - head))
    below = smoothstep((y - jaw) / 0.02)
    pull = below * (cell_meters / _CHIN_DROP) ** 2 * (np.abs(x) < 0.09)
    squared = _solve_poisson(
        unknown=solid & ~known,
        known=np.where(known, known_height**2, 0.0),
        source=roundness + pull * _NECK_HEIGHT**2,
        pull=pull,
    )
    height = np.sqrt(np.where(known, known_height**2, squared).clip(0))
    reach = max(1, round(_FRINGE / cell_meters))
    person = cv2.dilate(
        solid.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    )
    return Heights(
        (silhouette - np.where(solid | on_face, height, 0)).astype(np.float32),
        silhouette,
        cv2.distanceTransform(without_ears(solid | on_face, cell_meters), cv2.DIST_L2, 5)
        * np.float32(cell_meters),
        person.astype(bool) | on_face,
        head.astype(np.float32),
        on_face.astype(np.float32),
    )


class Mesh(NamedTuple):
    """The surface around the face."""

    points: Float32[np.ndarray, "points 2"]
    """New points on the canvas, pixels."""
    on_silhouette: Bool[np.ndarray, " points"]
    """Which of them lie on the person's outline, where front and back meet."""
    triangles: Int32[np.ndarray, "triangles 3"]
    """Corners, counted over the face's outline and then the new points."""


def triangulate_around(
    oval: Float[np.ndarray, "oval 2"],
    person: Bool[np.ndarray, "rows columns"],
    matte: Float32[np.ndarray, "side side"],
    spacing: float,
) -> Mesh:
    """Cover the person around the face with triangles that join the face's outline.

    Args:
        oval: Outline of the face on the canvas, pixels, in order.
        person: Cells of the person.
        matte: The person's coverage on the canvas.
        spacing: Distance between new points, pixels.
    """
    rows, columns = person.shape
    lattice_x, lattice_y = np.meshgrid(
        np.arange(spacing / 2, columns * _CELL, spacing), np.arange(spacing / 2, rows * _CELL, spacing)
    )
    lattice_x[1::2] += spacing / 2
    lattice = np.column_stack((lattice_x.ravel(), lattice_y.ravel()))
    lattice = lattice[_inside(person, lattice, margin=1)]
    lattice = lattice[_outside(oval, lattice, 0.4 * spacing)]
    # Height falls steeply towards the outline; points on it keep the turned head's edge from fraying.
    outline = _outline_points(matte, spacing * 0.7)
    outline = outline[_outside(oval, outline, 0.4 * spacing)]
    if len(outline):
        lattice = lattice[KDTree(outline).query(lattice)[0] > 0.55 * spacing]
    points = np.concatenate((outline, lattice))
    everything = np.concatenate((oval, points))
    triangles = Delaunay(everything).simplices
    centers = everything[triangles].mean(1)
    keep = _outside(oval, centers) & _inside(person, centers, margin=0)
    return Mesh(
        points.astype(np.float32),
        np.arange(len(points)) < len(outline),
        triangles[keep].astype(np.int32),
    )


def sample(
    cells: Float32[np.ndarray, "rows columns"], points: Float[np.ndarray, "points 2"]
) -> Float32[np.ndarray, " points"]:
    """Read a map of cells at canvas positions, bilinearly."""
    maps = (points / _CELL - 0.5).astype(np.float32)
    return cv2.remap(
        cells, maps[None, :, 0], maps[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )[0]


def cell_centers(side: int) -> Float32[np.ndarray, "rows columns 2"]:
    """Canvas positions of the cells of the depth map."""
    count = -(-side // _CELL)
    axis = (np.arange(count, dtype=np.float32) + 0.5) * _CELL
    return np.stack(np.meshgrid(axis, axis), -1)


def _chin_level(face_points: np.ndarray, head_position: np.ndarray) -> float:
    chin = face_points[152] / _CELL
    row, column = (
        np.clip(chin[1], 0, head_position.shape[0] - 1),
        np.clip(chin[0], 0, head_position.shape[1] - 1),
    )
    return float(head_position[int(row), int(column), 1])


def _outside(oval: np.ndarray, points: np.ndarray, by: float = 0.0) -> Bool[np.ndarray, " points"]:
    """Which points lie outside a polygon, by more than so many pixels."""
    outside = np.ones(len(points), np.bool_)
    near = np.flatnonzero(((points > oval.min(0) - by) & (points < oval.max(0) + by)).all(1))
    x, y = points[near].T.astype(np.float64)
    inside, close = np.zeros((2, len(near)), np.bool_)
    ends = oval.astype(np.float64)
    for (x0, y0), (x1, y1) in zip(ends, np.roll(ends, -1, 0), strict=True):
        across, down = x1 - x0, y1 - y0
        along = ((x - x0) * across + (y - y0) * down) / max(across**2 + down**2, 1e-12)
        along = along.clip(0, 1)
        close |= (x0 + along * across - x) ** 2 + (y0 + along * down - y) ** 2 <= by**2
        # A ray to the right crosses this edge.
        inside ^= ((y0 > y) != (y1 > y)) & ((x - x0) * abs(down) < (y - y0) * across * np.sign(down))
    outside[near] = ~(inside | close)
    return outside


def _outline_points(matte: np.ndarray, spacing: float) -> np.ndarray:
    """Points along the edge of a matte, evenly spaced; not along the canvas's own border."""
    soft = cv2.GaussianBlur(matte, (0, 0), 2)
    contours, _ = cv2.findContours((soft > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    found = [np.empty((0, 2))]
    for contour in contours:
        line = contour[:, 0].astype(np.float64)
        if len(line) < 4 * spacing:
            continue
        line = gaussian_filter1d(line, 2, axis=0, mode="wrap") + 0.5
        line = line[:: max(1, round(spacing))]
        border = (line.min(1) > 3) & (line.max(1) < len(matte) - 3)
        found.append(line[border])
    return np.concatenate(found)


def _inside(person: np.ndarray, points: np.ndarray, margin: int) -> np.ndarray:
    grown = cv2.dilate(person.astype(np.uint8), np.ones((2 * margin + 1,) * 2)) > 0
    cell = np.clip((points // _CELL).astype(int), 0, np.array(person.shape)[::-1] - 1)
    return grown[cell[:, 1], cell[:, 0]]


def _solve_poisson(
    unknown: np.ndarray, known: np.ndarray, source: np.ndarray, pull: np.ndarray
) -> np.ndarray:
    """Solve `laplacian(u) - pull u = -source` on the unknown cells; the picture's border is free."""
    rows, columns = unknown.shape
    index = np.full(unknown.shape, -1)
    index[unknown] = np.arange(unknown.sum())
    count = int(unknown.sum())
    diagonal, right = pull[unknown].astype(float), source[unknown].astype(float)
    entries_i, entries_j = [], []
    at_row, at_column = np.nonzero(unknown)
    for step_row, step_column in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        row, column = at_row + step_row, at_column + step_column
        exists = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        diagonal += exists
        neighbour = np.where(exists, index[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)], -1)
        fixed = exists & (neighbour < 0)
        right[fixed] += known[row[fixed], column[fixed]]
        free = neighbour >= 0
        entries_i.append(np.flatnonzero(free))
        entries_j.append(neighbour[free])
    i, j = np.concatenate(entries_i), np.concatenate(entries_j)
    own = np.arange(count)
    matrix = coo_matrix(
        (
            np.concatenate((np.full(len(i), -1.0), diagonal + 1e-9)),
            (np.concatenate((i, own)), np.concatenate((j, own))),
        ),
        shape=(count, count),
    ).tocsc()
    solution = np.zeros(unknown.shape)
    if count:
        solution[unknown] = np.asarray(spsolve(matrix, right))
    return solution
