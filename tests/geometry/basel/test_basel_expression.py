import torch

from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.geometry.basel.expression import _MESH_POINTS, basel_from_arkit
from cameo3d.geometry.face_model import load_face_model


def test_a_model_with_arkits_own_shapes_gets_them_back():
    face = BaselFace.from_arrays(sheet_arrays(12))
    ours = load_face_model().expression_basis[:, list(_MESH_POINTS)] * torch.tensor([10.0, -10, -10])
    expression = torch.zeros_like(face.expression_basis)
    expression[:52, face.landmarks[17:]] = ours
    same = BaselFace(**{**vars(face), "expression_basis": expression})
    found = basel_from_arkit(same)
    moved = torch.einsum("ae,eld->ald", found, expression[:, face.landmarks[17:]])
    # The prior shrinks what hardly moves the landmarks; 0.02 is its deviation.
    torch.testing.assert_close(moved, ours, atol=0.02, rtol=0)
    jaw = 17 + 0
    assert found.abs().max() <= 1.5
    assert found[jaw].argmax() == jaw


def test_the_map_is_made_where_the_face_is():
    arrays = vars(BaselFace.from_arrays(sheet_arrays(12)))
    face = BaselFace(**{name: x.to("meta") for name, x in arrays.items()})
    assert basel_from_arkit(face).device.type == "meta"
