"""The sync expert and the voice of Real3D-Portrait, tiny, on a stand-in for the Basel model."""

from dataclasses import replace

import pytest
import torch
from synthetic_basel import basel_face

from cameo3d.data.portraits.talks import SyncBatches, Talk, TalkBatches, bucketed, padded
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.sync_expert import SyncExpert
from cameo3d.training.learner import Part
from cameo3d.training.loop import Plan, train
from cameo3d.training.norms import without_norms
from cameo3d.training.real3d.recipes import SyncRecipe, VoiceRecipe
from cameo3d.training.real3d.sync import Mesh, SyncStage
from cameo3d.training.real3d.voice import VoiceStage
from cameo3d.training.real3d.voice_losses import (
    UNMATCHED,
    annealed,
    bend_loss,
    frame_mean,
    mesh_loss,
    point_weights,
    sync_loss,
)

CPU = torch.device("cpu")
CHANNELS = 12
SYNC = SyncRecipe(width=8, embedding=16, pairs=64, rate=3e-3, floor=3e-3)
VOICE = VoiceRecipe(rate=5e-3, floor=5e-3, warm_up=0, sync_pieces=16, annealing=(2, 2))


@pytest.fixture(scope="module")
def mesh():
    return Mesh(basel_face(), CPU)


def talk(number, frames=24):
    random = torch.Generator().manual_seed(number)
    times = torch.arange(frames)[:, None] * torch.rand(3, generator=random)
    expression = times.sin() @ torch.randn((3, 64), generator=random)
    speech = torch.zeros(2 * frames, CHANNELS)
    speech[:] = expression[:, :CHANNELS].repeat_interleave(2, dim=0)  # what is said is how the face moves
    return Talk(
        speaker=f"person {number % 2}",
        speech=speech,
        pitch=torch.full((2 * frames,), 120.0),
        identity=0.1 * torch.randn(80, generator=random),
        expression=expression,
        blink=(torch.arange(frames) == 10).long(),
        mouth=0.4,
    )


TALKS = [talk(number, 24 + 4 * number) for number in range(4)]


def voice_stage(mesh, recipe=VOICE):
    torch.manual_seed(0)
    network = VoiceToExpression(speech_channels=CHANNELS, width=16, gate_width=16, latent=4, flow_width=8)
    return VoiceStage(recipe, network, mesh, SyncExpert(CHANNELS, width=8, embedding=16), CPU)


def test_the_mesh_moves_as_the_face_model_says(mesh):
    identity, expression = torch.randn(2, 80), torch.randn(2, 3, 64)
    moved = mesh(identity, expression)
    points = basel_face().mesh
    expected = (points.shape(identity, expression[:, 1]) - points.mean) * 10  # in centimetres
    torch.testing.assert_close(moved[:, 1], expected, atol=1e-4, rtol=1e-4)


def test_the_expert_learns_which_pieces_belong_together(mesh):
    torch.manual_seed(0)
    stage = SyncStage(SYNC, mesh, CHANNELS, CPU)
    batch = SyncBatches(TALKS, 64, SYNC.shares, 0, CPU).draw(0)
    losses = [stage.step(step, [Part(batch, step)]) for step in range(40)]
    assert losses[-1]["sync"] < 0.5 * losses[0]["sync"]
    assert losses[-1]["right"] > 0.9


def test_the_published_expert_sees_a_fifth_of_a_second():
    with torch.device("meta"):
        expert = SyncExpert()
        assert expert(torch.zeros(2, 10, 1024), torch.zeros(2, 5, 1404)).shape == (2,)
        assert expert.hear(torch.zeros(2, 1024, 10)).shape == (2, 1024, 1)


def test_pieces_are_in_step_as_often_as_asked_for():
    batch = SyncBatches(TALKS, 2000, SYNC.shares, 0, CPU).draw(0)
    assert 0.36 < batch.in_step.float().mean() < 0.44
    said = batch.speech[:, ::2][:, :, :CHANNELS]
    equal = (said == batch.expression[:, :, :CHANNELS]).all(dim=2).all(dim=1)
    assert torch.equal(equal, batch.in_step)


def test_four_talks_are_learned_by_heart(mesh):
    stage = voice_stage(mesh, replace(VOICE, sync=0.0, bend=0.1))
    batch = padded(TALKS)
    losses = [stage.step(step, [Part(batch, step)]) for step in range(60)]
    assert losses[-1]["expression"] < 0.5 * losses[0]["expression"]
    assert {"divergence", "mesh", "bend", "size", "sync"} <= losses[0].keys()


def test_a_voice_that_was_stopped_ends_as_one_run_and_loads_without_norms(mesh, tmp_path):
    def run(folder, *steps):
        for last in steps:
            stage = voice_stage(mesh)
            batches = TalkBatches(TALKS, 200, 2, 0, CPU)
            train(stage, batches, Plan(last, save_every=2, log_every=1, workers=0), folder, "voice")
        return stage

    whole, parts = run(tmp_path / "whole", 4), run(tmp_path / "parts", 2, 4)
    state = whole.networks.state_dict()
    assert all(torch.equal(x, parts.networks.state_dict()[name]) for name, x in state.items())
    plain = VoiceToExpression(speech_channels=CHANNELS, width=16, gate_width=16, latent=4, flow_width=8)
    plain.load_state_dict(without_norms(whole.voice.state_dict()))
    batch = padded(TALKS)
    networks = (whole.voice.eval(), plain.eval())
    made = [
        network(network.conditions(batch.speech, batch.pitch), torch.zeros(4, 4, 9)) for network in networks
    ]
    torch.testing.assert_close(made[1], made[0], atol=1e-5, rtol=1e-4)


def test_padding_is_masked_and_changes_no_loss(mesh):
    batch = padded(TALKS[:2])
    assert batch.mask.sum(dim=1).tolist() == [24, 28]
    assert batch.blink[0, 20:22].tolist() == [1, 1]  # by nearest neighbour to 50 steps a second
    spoilt = batch.expression.clone()
    spoilt[0, 24:] = 99
    truth = torch.zeros_like(spoilt)
    assert frame_mean((spoilt - truth).square(), batch.mask) == frame_mean(
        batch.expression.square(), batch.mask
    )


def test_buckets_hold_clips_of_like_length_up_to_the_most_steps():
    assert bucketed([10, 40, 12, 38], most_steps=160, most_clips=9) == [[1, 3], [2, 0]]
    assert bucketed([10] * 5, most_steps=1000, most_clips=2) == [[0, 1], [2, 3], [4]]


def test_the_bend_counts_zeros_beyond_the_ends():
    values = torch.tensor([[[1.0], [1.0], [3.0]]])
    # 1 - 1/2, 1 - 2, 3 - 1/2.
    assert bend_loss(values, torch.ones(1, 3)) == pytest.approx((0.25 + 1 + 6.25) / 3)


def test_the_mesh_loss_weighs_points():
    weights = point_weights()
    assert (weights[159], weights[33], weights[13], weights[0], weights[1]) == (20, 3, 5, 5, 1)
    assert weights[UNMATCHED].sum() == 0
    points, truth = torch.zeros(1, 2, 468, 3), torch.zeros(1, 2, 468, 3)
    points[0, 0, 159] = 2.0
    # 20 x 4 on three axes, over one frame of 1404 numbers.
    assert mesh_loss(points, truth, torch.tensor([[1.0, 0.0]])) == pytest.approx(240 / 1404)


def test_the_sync_loss_is_the_cross_entropy_of_the_cosine():
    found = sync_loss(torch.tensor([0.8, 0.4]), torch.tensor([True, False]))
    expected = -(torch.tensor(0.8).log() + torch.tensor(0.6).log()) / 2
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("step", "weight"), [(0, 0.0), (1000, 0.01), (2000, 0.02), (3999, 0.02), (4000, 0.0), (5000, 0.01)]
)
def test_the_divergence_rises_holds_and_begins_again(step, weight):
    assert annealed(0.02, step, 2000, 2000) == pytest.approx(weight)
