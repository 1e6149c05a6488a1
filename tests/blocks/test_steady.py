import logging
import threading

import numpy as np
import pytest
import torch
from taped import Taped

from cameo3d.blocks.steady import Steady
from cameo3d.blocks.transfers import downloaded, uploaded


def affine(scale, x):
    return (x * scale + 1, x.relu())


def called(steady, scale, x):
    return steady((scale,), (x,))


def test_replays_equal_plain_calls_whatever_they_are_given():
    recorder, scale = Taped(), torch.tensor([2.0])
    steady = Steady(affine, recorder)
    for x in torch.randn(5, 4):
        for made, plain in zip(called(steady, scale, x), affine(scale, x), strict=True):
            assert torch.equal(made, plain)
    assert recorder.count == 1
    assert steady.is_recorded


def test_inputs_are_copied_and_results_are_not_overwritten():
    steady, scale = Steady(affine, Taped()), torch.tensor([2.0])
    x = torch.tensor([1.0, -1.0])
    kept = [called(steady, scale, x)[0] for _ in range(3)]
    x.fill_(9)  # whoever gave it may go on with it
    later = called(steady, scale, x)[0]
    assert torch.equal(later, torch.full((2,), 19.0))
    assert all(torch.equal(one, torch.tensor([3.0, -1.0])) for one in kept)


def test_what_is_held_may_be_exchanged():
    steady, x = Steady(affine, Taped()), torch.ones(3)
    for scale in (torch.tensor([2.0]), torch.tensor([2.0]), torch.tensor([5.0]), torch.tensor([2.0])):
        assert torch.equal(called(steady, scale, x)[0], x * scale + 1)


def test_what_is_held_is_copied_only_when_another_one_comes():
    steady, scale, x = Steady(affine, Taped()), torch.tensor([2.0]), torch.ones(3)
    for _ in range(3):
        called(steady, scale, x)
    scale.fill_(7)
    assert torch.equal(called(steady, scale, x)[0], 2 * x + 1)
    assert torch.equal(called(steady, scale.clone(), x)[0], 7 * x + 1)


@pytest.mark.parametrize("other", [torch.ones(5), torch.ones(4, dtype=torch.float64), torch.ones(1, 4)])
def test_other_shapes_and_kinds_are_recorded_again(other):
    recorder, scale = Taped(), torch.tensor([2.0])
    steady = Steady(affine, recorder)
    for x in (torch.ones(4), torch.ones(4), other, other, torch.ones(4)):
        assert torch.equal(called(steady, scale, x)[0], x * scale + 1)
    assert recorder.count == 2
    assert not steady.is_recorded  # the last call was the first of its shapes


def test_another_order_in_memory_is_the_same_shape():
    recorder, scale = Taped(), torch.tensor([2.0])
    steady = Steady(affine, recorder)
    for x in (torch.ones(3, 3), torch.rand(3, 3).mT, torch.rand(6, 6)[::2, 1::2], torch.rand(3).expand(3, 3)):
        assert torch.equal(called(steady, scale, x)[0], x * scale + 1)
    assert recorder.count == 1


def test_changing_shapes_are_never_recorded():
    recorder = Taped()
    steady = Steady(affine, recorder)
    for size in (1, 2, 3, 4, 5):
        called(steady, torch.tensor([2.0]), torch.ones(size))
    assert recorder.count == 0


@pytest.mark.parametrize(
    "function",
    [
        lambda scale, x: (x * float(scale),),
        lambda scale, x: (x * 2 if scale > 1 else x,),
        lambda scale, x: (torch.from_numpy(x.numpy() * 2),),
        lambda scale, x: (x * x.new_tensor([1.0, 2.0]),),
        lambda scale, x: (x[[0, 1]],),
        lambda scale, x: (x[x > 0],),
        lambda scale, x: (torch.where(x > 0, x, 0),),
        lambda scale, x: (x + torch.from_numpy(np.ones(2, np.float32)),),
    ],
    ids=[
        "a number",
        "a decision",
        "arithmetic there",
        "a constant",
        "a list",
        "a mask",
        "a choice",
        "an array",
    ],
)
def test_what_asks_the_host_is_told_once_and_called_plainly(function, caplog):
    recorder, scale, x = Taped(), torch.tensor([2.0]), torch.tensor([1.0, -3.0])
    steady = Steady(function, recorder)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            assert torch.equal(steady((scale,), (x,))[0], function(scale, x)[0])
    assert recorder.count == 1
    assert sum("without a CUDA graph" in line for line in caplog.messages) == 1


def test_on_a_processor_nothing_is_recorded():
    steady = Steady(affine)
    x = torch.ones(2)
    assert all(torch.equal(called(steady, x, x)[0], x * x + 1) for _ in range(3))
    assert not steady.is_recorded


def test_threads_do_not_mix_their_frames():
    steady, wrong = Steady(affine, Taped()), []

    def work(number: int) -> None:
        scale, x = torch.full((1,), float(number)), torch.full((64,), 2.0)
        for _ in range(40):
            if not torch.equal(called(steady, scale, x)[0], x * scale + 1):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_one_more_picture_is_begun_before_the_first_is_waited_for():
    events = []

    def made():
        for number in range(4):
            events.append(f"made {number}")
            yield number, (torch.full((2,), number),)

    def fetch(tensors):
        number = int(tensors[0][0])

        def arrive():
            events.append(f"waited {number}")
            return (tensors[0].numpy(),)

        return arrive

    for tag, (array,) in downloaded(made(), fetch):
        assert (array == tag).all()
    assert events == ["made 0", "made 1", "waited 0", "made 2", "waited 1", "made 3", "waited 2", "waited 3"]


def test_on_a_processor_a_picture_comes_as_soon_as_it_is_made():
    made = iter([("first", (torch.ones(2),)), ("second", (torch.zeros(2),))])
    tag, (array,) = next(downloaded(made))
    assert tag == "first"
    assert array.tolist() == [1, 1]
    assert next(made)[0] == "second"  # not begun yet
    x = torch.ones(3)
    assert uploaded(x, torch.device("cpu")) is x
