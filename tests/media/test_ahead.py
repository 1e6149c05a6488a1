import threading
import time

import pytest

from cameo3d.media.ahead import ahead


def test_items_come_in_order_and_are_made_in_another_thread():
    made_in = set()

    def items():
        for number in range(20):
            made_in.add(threading.get_ident())
            yield number

    assert list(ahead(items(), 3)) == list(range(20))
    assert made_in.isdisjoint({threading.get_ident()})


def test_no_more_than_so_many_are_made_before_they_are_wanted():
    made = []
    stream = ahead((made.append(number) or number for number in range(50)), 4)
    for wanted in range(5):
        assert next(stream) == wanted
        time.sleep(0.02)
        assert wanted < len(made) <= wanted + 5


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise KeyError("broken")

    stream = ahead(items())
    assert next(stream) == 1
    with pytest.raises(KeyError, match="broken"):
        next(stream)


def test_whoever_stops_closes_the_source():
    closed = []

    def items():
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    stream = ahead(items())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]
