from cameo3d.training.samplers import Shuffled, batch_index


def test_every_item_comes_once_an_epoch_in_a_new_order():
    items = Shuffled(10, seed=3)
    epochs = [[items[10 * epoch + i] for i in range(10)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_an_item_depends_on_its_number_and_the_seed_alone():
    one, other = Shuffled(10, 3), Shuffled(10, 3)
    _ = [one[i] for i in range(25)]
    assert one[12] == other[12]
    assert [Shuffled(10, 4)[i] for i in range(10)] != [one[i] for i in range(10)]


def test_processes_and_parts_share_out_all_batches():
    numbers = [
        batch_index(step, part, 3, rank, 4) for step in range(5) for part in range(3) for rank in range(4)
    ]
    assert sorted(numbers) == list(range(60))
