"""Which items make a batch: shuffled, shared out among processes, and the same again after a restart."""


def batch_index(step: int, part: int, parts: int, rank: int, processes: int) -> int:
    """The number of a batch: no two processes, parts or steps share one, and none is left out.

    One process that adds up two parts therefore sees what two processes see.
    """
    return (step * parts + part) * processes + rank
