"""Compiled loops that draw a surface: where its pixels come from, their colours, soft folds, front over back.

Every loop skips what nothing is drawn on, since most of a picture is background, or hidden behind the front.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8

from cameo3d.geometry.compiled import compiled, inlined
from cameo3d.imaging.cubic import cubic

_FAR, _NEVER = 1e9, -1e9
"""Depth of what nothing is drawn on yet, and of what nothing is to be drawn on."""
BLOCK = 8
"""Pixels along the squares that are skipped together."""
_SLACK = -1e-4
"""Closes cracks between neighbouring triangles, as in `cameo3d.geometry.rasterizer`."""
_OVER_BACK = np.float32(3)
"""By how much mattes are multiplied where the person's back is behind."""


class SurfaceDrawer:
    """Draws surfaces into pictures of one size, and keeps the memory for that.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        fold: Pixels of the photo from which on neighbours belong to different parts.
    """

    def __init__(self, height: int, width: int, fold: float) -> None:
        self._fold = np.float32(fold)
        self.places = np.empty((2, height, width), np.float32)
        """Columns and rows of the photo that pixels of what was drawn last show; large where empty."""
        self.depths = np.empty((height, width), np.float32)
        """How far away they are; large, or negative, where nothing was drawn."""
        blocks = -(-height // BLOCK), -(-width // BLOCK)
        self._every_block, self._blocks = np.ones(blocks, np.bool_), np.empty(blocks, np.bool_)
        self.seen, self._torn = (np.zeros((height, width), np.uint8) for _ in range(2))

    def draw(
        self,
        points: Float32[np.ndarray, "vertices 2"],
        depths: Float32[np.ndarray, " vertices"],
        triangles: Int32[np.ndarray, "triangles 3"],
        places: Float32[np.ndarray, "vertices 2"],
        texture: UInt8[np.ndarray, "rows columns 4"],
        shown: Bool[np.ndarray, "rows_of_blocks columns_of_blocks"],
        where: Bool[np.ndarray, "height width"] | None = None,
    ) -> UInt8[np.ndarray, "height width 4"]:
        """Colours and matte of a surface, its folds not yet softened; zero where there is none.

        Args:
            points: Its vertices in the picture, pixels.
            depths: How far away they are; the smallest wins.
            triangles: Vertex indices.
            places: Where in the photo the vertices lie, pixels.
            texture: The photo, with the matte.
            shown: `shown_blocks` of the texture.
            where: The pixels that are drawn at all; None for all.
        """
        if where is None:
            self.depths.fill(_FAR)
            blocks = self._every_block
        else:
            blocks = self._blocks
            _open(where, self.depths, blocks)
        self.places.fill(_FAR)
        _fill(points, depths, triangles, places, blocks, self.places, self.depths)
        image = np.empty((*self.depths.shape, 4), np.uint8)
        _look_up(texture, shown, self.places, self.depths, image, self.seen)
        return image

    def cover(self) -> UInt8[np.ndarray, "height width"]:
        """How much of each pixel the surface covers, at its outline."""
        return cv2.blur(self.seen, (3, 3))

    def inner_cover(self) -> UInt8[np.ndarray, "height width"]:
        """The same, but nothing of pixels in whose middle it is not, which have no colour."""
        return cv2.min(self.cover(), self.seen)

    def seen_through(
        self,
        image: UInt8[np.ndarray, "height width 4"],
        cover: UInt8[np.ndarray, "height width"],
        body: UInt8[np.ndarray, "rows columns"],
        firmness: float,
    ) -> Bool[np.ndarray, "height width"]:
        """Where the surface drawn last lets anything behind it be seen, and next to that.

        Elsewhere it gets opaque, in place; gaps in the matte are closed as far as it gets firm.

        Args:
            image: The surface.
            cover: How much of each pixel it covers.
            body: Where on the photo a gap in the matte is none in the person.
            firmness: By how much mattes are multiplied, from 1 to 2.
        """
        open_ = np.empty(cover.shape, np.uint8)
        _find_open(image, cover, self.places, body, np.float32(firmness), open_)
        return cv2.dilate(open_, np.ones((3, 3), np.uint8)).view(np.bool_)

    def soften(self, image: UInt8[np.ndarray, "height width 4"]) -> None:
        """Blur where one part of the surface hides another, in place, so that the edge is no staircase."""
        _find_torn(self.places, self._fold, self._torn)
        _soften(image, self.places, self._torn, self._fold)


def shown_blocks(
    texture: UInt8[np.ndarray, "rows columns 4"],
) -> Bool[np.ndarray, "blocks_down blocks_across"]:
    """In which squares of a texture, or close to them, its matte lets anything be seen."""
    height, width = texture.shape[:2]
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    near = cv2.dilate(texture[..., 3], np.ones((7, 7), np.uint8))
    whole = np.zeros((rows * BLOCK, columns * BLOCK), np.uint8)
    whole[:height, :width] = near
    return whole.reshape(rows, BLOCK, columns, BLOCK).max((1, 3)) > 0


def lay_over(
    front: UInt8[np.ndarray, "height width 4"],
    front_cover: UInt8[np.ndarray, "height width"],
    back: UInt8[np.ndarray, "height width 4"],
    back_cover: UInt8[np.ndarray, "height width"],
    through: Bool[np.ndarray, "height width"],
    firmness: float,
) -> None:
    """Lay a front surface over a back one, in place; both in straight colours, their mattes made firmer.

    Args:
        front: The surface in front.
        front_cover: How much of each pixel it covers.
        back: The surface behind.
        back_cover: How much of each pixel that covers.
        through: Where anything but the front is seen.
        firmness: By how much mattes are multiplied.
    """
    _lay_over(front, front_cover, back, back_cover, through, np.float32(firmness))


@compiled
def pose_surfaces(front, back, head, torso, follows, anchored, carried, carriers, weights, change, posed):
    """Put front, which the face's change moves as well, and back where head and torso go.

    Both motions are (turn, shift), the torso's away from rest, so that `anchored` takes a part of it;
    `follows` is 1 where the head is followed, and 0 where the torso is.
    """
    (turn, shift), (sway, drift) = head, torso
    for side, rest in enumerate((front, back)):
        for vertex in range(len(rest)):
            x, y, z = rest[vertex, 0], rest[vertex, 1], rest[vertex, 2]
            for k in range(3):
                posed[side, vertex, k] = turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z + shift[k]
        if side == 0:
            for i in range(len(carried)):
                for j in range(carriers.shape[1]):
                    for k in range(3):
                        posed[0, carried[i], k] += weights[i, j] * change[carriers[i, j], k]
        for vertex in range(len(rest)):
            x, y, z = rest[vertex, 0], rest[vertex, 1], rest[vertex, 2]
            for k in range(3):
                away = sway[k, 0] * x + sway[k, 1] * y + sway[k, 2] * z + drift[k]
                still = rest[vertex, k] + away * anchored[vertex]
                posed[side, vertex, k] = still + (posed[side, vertex, k] - still) * follows[vertex]


@compiled
def _open(where, depths, blocks):
    blocks[:] = False
    for row in range(where.shape[0]):
        for column in range(where.shape[1]):
            if where[row, column]:
                depths[row, column] = _FAR
                blocks[row // BLOCK, column // BLOCK] = True
            else:
                depths[row, column] = _NEVER


@inlined
def _narrowed(low, high, start, step, inverse):
    """The columns between which a weight that changes by a step each column is not below the slack."""
    if step > 0:
        low = max(low, (_SLACK - start) * inverse)
    elif step < 0:
        high = min(high, (_SLACK - start) * inverse)
    elif start < _SLACK:
        high = low - 1
    return low, high


@compiled
def _fill(points, depths, triangles, places, blocks, where, nearest):
    height, width = nearest.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = points[a, 0] - 0.5, points[a, 1] - 0.5
        bx, by = points[b, 0] - 0.5, points[b, 1] - 0.5
        cx, cy = points[c, 0] - 0.5, points[c, 1] - 0.5
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        top = max(int(np.ceil(min(ay, by, cy) - 1e-4)), 0)
        bottom = min(int(np.floor(max(ay, by, cy) + 1e-4)), height - 1)
        left = max(int(np.ceil(min(ax, bx, cx) - 1e-4)), 0)
        right = min(int(np.floor(max(ax, bx, cx) + 1e-4)), width - 1)
        if bottom < top or right < left:
            continue
        is_open = False
        for i in range(top // BLOCK, bottom // BLOCK + 1):
            for j in range(left // BLOCK, right // BLOCK + 1):
                is_open |= blocks[i, j]
        if not is_open:
            continue
        inverse = 1.0 / area
        # Weights of the corners, and so depth and place, are linear in row and column.
        b_step, b_down = (cy - ay) * inverse, -(cx - ax) * inverse
        c_step, c_down = -(by - ay) * inverse, (bx - ax) * inverse
        a_step = -b_step - c_step
        a_inverse, b_inverse, c_inverse = 1 / a_step, 1 / b_step, 1 / c_step
        depth_b, depth_c = depths[b] - depths[a], depths[c] - depths[a]
        x_b, x_c = places[b, 0] - places[a, 0], places[c, 0] - places[a, 0]
        y_b, y_c = places[b, 1] - places[a, 1], places[c, 1] - places[a, 1]
        depth_step = b_step * depth_b + c_step * depth_c
        x_step, y_step = b_step * x_b + c_step * x_c, b_step * y_b + c_step * y_c
        for row in range(top, bottom + 1):
            b_first = (row - ay) * b_down - ax * b_step
            c_first = (row - ay) * c_down - ax * c_step
            low, high = _narrowed(float(left), float(right), 1.0 - b_first - c_first, a_step, a_inverse)
            low, high = _narrowed(low, high, b_first, b_step, b_inverse)
            low, high = _narrowed(low, high, c_first, c_step, c_inverse)
            depth_first = depths[a] + b_first * depth_b + c_first * depth_c
            x_first = places[a, 0] + b_first * x_b + c_first * x_c
            y_first = places[a, 1] + b_first * y_b + c_first * y_c
            for column in range(int(np.ceil(low)), int(np.floor(high)) + 1):
                depth = depth_first + column * depth_step
                if depth < nearest[row, column]:
                    nearest[row, column] = depth
                    where[0, row, column] = x_first + column * x_step
                    where[1, row, column] = y_first + column * y_step


@inlined
def _is_seen(depth):
    return (depth > 0) & (depth < _FAR)


@compiled
def _look_up(texture, shown, places, depths, image, seen):
    for row in range(depths.shape[0]):
        for column in range(depths.shape[1]):
            if not _is_seen(depths[row, column]):
                seen[row, column] = 0
                for k in range(4):
                    image[row, column, k] = 0
                continue
            seen[row, column] = 255
            x, y = places[0, row, column], places[1, row, column]
            u, v = np.int64(x), np.int64(y)
            inside = x >= 0 and y >= 0 and u < texture.shape[1] and v < texture.shape[0]
            if inside and not shown[v // BLOCK, u // BLOCK]:
                # Nothing is seen of it but at most next to a fold.
                for k in range(4):
                    image[row, column, k] = texture[v, u, k]
            else:
                cubic(texture, x, y, image, row, column)


@compiled
def _find_torn(places, limit, torn):
    """Mark pixels whose right or lower neighbour comes from far away, or from nowhere."""
    x, y = places[0], places[1]
    for row in range(x.shape[0] - 1):
        for column in range(x.shape[1] - 1):
            right = abs(x[row, column + 1] - x[row, column]) + abs(y[row, column + 1] - y[row, column])
            down = abs(x[row + 1, column] - x[row, column]) + abs(y[row + 1, column] - y[row, column])
            torn[row, column] = max(right, down) >= limit


@inlined
def _is_fold(places, row, column, limit):
    """Whether a pixel comes from the photo, and a neighbour from far away in it."""
    jump = np.float32(0)
    if places[0, row, column] < _FAR:
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            if places[0, row + down, column + right] < _FAR:
                x = places[0, row + down, column + right] - places[0, row, column]
                y = places[1, row + down, column + right] - places[1, row, column]
                jump = max(jump, abs(x) + abs(y))
    return jump >= limit


@compiled
def _soften(image, places, torn, limit):
    softened = [(0, 0, np.uint8(0), np.uint8(0), np.uint8(0), np.uint8(0)) for _ in range(0)]
    for row in range(1, torn.shape[0] - 1):
        for column in range(1, torn.shape[1] - 1):
            # A jump is marked at its left or upper end.
            if not (torn[row, column] | torn[row, column - 1] | torn[row - 1, column]):
                continue
            if _is_fold(places, row, column, limit):
                # Plain constants would be compiled one by one.
                color = (
                    _softened(image, row, column, np.int64(0)),
                    _softened(image, row, column, np.int64(1)),
                    _softened(image, row, column, np.int64(2)),
                    _softened(image, row, column, np.int64(3)),
                )
                softened.append((row, column, *color))
    # Only now, since neighbours look at one another.
    for row, column, red, green, blue, alpha in softened:
        image[row, column, 0], image[row, column, 1] = red, green
        image[row, column, 2], image[row, column, 3] = blue, alpha


@inlined
def _softened(image, row, column, k):
    total = 0
    for down in range(-1, 2):
        for right in range(-1, 2):
            total += (2 - abs(down)) * (2 - abs(right)) * image[row + down, column + right, k]
    return np.uint8(total // 16)


@compiled
def _find_open(front, cover, places, body, firmness, result):
    for row in range(cover.shape[0]):
        for column in range(cover.shape[1]):
            if np.float32(front[row, column, 3]) * firmness < 255 and places[0, row, column] < _FAR:
                x, y = np.int64(places[0, row, column]), np.int64(places[1, row, column])
                if x >= 0 and y >= 0 and x < body.shape[1] and y < body.shape[0]:
                    closed = np.uint8(body[y, x] * (firmness - 1))
                    front[row, column, 3] = max(front[row, column, 3], closed)
            full = np.float32(front[row, column, 3]) * firmness >= 255
            if full and cover[row, column] == 255:
                result[row, column], front[row, column, 3] = 0, 255
            else:
                result[row, column] = 1


@compiled
def _lay_over(front, front_cover, back, back_cover, through, firmness):
    most, scale = np.float32(255), np.float32(1 / 65025)
    for row in range(front.shape[0]):
        for column in range(front.shape[1]):
            if not through[row, column]:
                continue
            behind = most * (firmness - 1) * back_cover[row, column] * scale
            soft = front[row, column, 3]
            firm = min(most, soft * firmness)
            # Over the back a gap in the matte is none in the hair; colours there are the person's own by now.
            firm += (min(_OVER_BACK * soft, most) - firm) * behind
            alpha = firm * front_cover[row, column] * scale
            behind *= 1 - alpha
            total = alpha + behind
            front[row, column, 3] = np.uint8(total * most + np.float32(0.5))
            if behind > 0:
                share = alpha / total
                for k in range(3):
                    mixed = front[row, column, k] * share + back[row, column, k] * (1 - share)
                    front[row, column, k] = np.uint8(mixed + np.float32(0.5))
