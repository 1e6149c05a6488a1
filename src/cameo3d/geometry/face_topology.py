"""Names for the vertices of MediaPipe's face mesh (468 points) and its irises (10 more).

Every pair of contours runs over the same corners, so that entry `i` of the upper one faces entry `i` of the
lower one. Left and right are the person's own. Source: the published topology of MediaPipe's face mesh.
"""

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""Outline of the face, from the top of the forehead clockwise as the person feels it."""

INNER_LIP_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LIP_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OUTER_LIP_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
OUTER_LIP_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
"""Lips from the right corner of the mouth to the left one."""
LIP_RINGS_UPPER = (
    INNER_LIP_UPPER,
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292),
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    OUTER_LIP_UPPER,
)
LIP_RINGS_LOWER = (
    INNER_LIP_LOWER,
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292),
    (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),
    OUTER_LIP_LOWER,
)
"""All contours of the lips, from the inside out."""

RIGHT_LID_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LID_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_LID_UPPER = (263, 466, 388, 387, 386, 385, 384, 398, 362)
LEFT_LID_LOWER = (263, 249, 390, 373, 374, 380, 381, 382, 362)
"""Edges of the lids from the outer to the inner corner of the eye."""

RIGHT_UPPER_FOLD = (130, 247, 30, 29, 27, 28, 56, 190, 243)
RIGHT_LOWER_FOLD = (130, 25, 110, 24, 23, 22, 26, 112, 243)
LEFT_UPPER_FOLD = (359, 467, 260, 259, 257, 258, 286, 414, 463)
LEFT_LOWER_FOLD = (359, 255, 339, 254, 253, 252, 256, 341, 463)
"""The next vertices outwards from the lids' edges, where lids fold."""

RIGHT_LID_TOP = (226, 113, 225, 224, 223, 222, 221, 189, 244)
LEFT_LID_TOP = (446, 342, 445, 444, 443, 442, 441, 413, 464)
"""The next ones again, below the brows."""

RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
"""Centre of the iris, then four points of its edge."""


def strip(upper: tuple[int, ...], lower: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Triangles that close the opening between two contours which share their ends."""
    triangles = []
    for i in range(len(upper) - 1):
        if upper[i] != lower[i]:
            triangles.append((upper[i], upper[i + 1], lower[i]))
        if upper[i + 1] != lower[i + 1]:
            triangles.append((lower[i], upper[i + 1], lower[i + 1]))
    return triangles


OPENINGS: tuple[tuple[int, int, int], ...] = (
    *strip(INNER_LIP_UPPER, INNER_LIP_LOWER),
    *strip(RIGHT_LID_UPPER, RIGHT_LID_LOWER),
    *strip(LEFT_LID_UPPER, LEFT_LID_LOWER),
)
"""Triangles that close the mouth and both eyes of the mesh."""

EYES = [*RIGHT_LID_UPPER, *RIGHT_LID_LOWER, *LEFT_LID_UPPER, *LEFT_LID_LOWER]
UPPER_LIDS = [*RIGHT_LID_UPPER[2:7], *LEFT_LID_UPPER[2:7]]
"""The middles of the upper lids, without their corners."""
LIPS = [*INNER_LIP_UPPER, *INNER_LIP_LOWER, *OUTER_LIP_UPPER, *OUTER_LIP_LOWER]
