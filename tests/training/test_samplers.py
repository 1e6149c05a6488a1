from cameo3d.training.samplers import batch_index


def test_processes_and_parts_share_out_all_batches():
    numbers = [
        batch_index(step, part, 3, rank, 4) for step in range(5) for part in range(3) for rank in range(4)
    ]
    assert sorted(numbers) == list(range(60))
