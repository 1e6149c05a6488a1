"""Every stage of GOHA against recordings of the official release; `-rP` shows the differences."""

import pytest
import torch
from goha_recorded import FILES, FOLDER, Recorded, recorded

from cameo3d.blocks.images import resize
from cameo3d.blocks.rays import pixel_rays
from cameo3d.geometry.basel.bfm import FaceCoefficients, draw_face, pose_face
from cameo3d.models.goha.generator import frontal_face, frontal_picture
from cameo3d.models.goha.lifting import lay_on_planes, nearest_points
from cameo3d.models.goha.parsing import resting_mask
from cameo3d.models.goha.planes import normalized

pytestmark = pytest.mark.skipif(
    not FILES, reason=f"no recorded tensors (goha_*.npz) in {FOLDER}; CAMEO3D_PARITY names their folder"
)
NO_LIMIT = float("inf")


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def seen(request) -> Recorded:
    return recorded(request.param)


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


def check(name, ours, theirs, largest=NO_LIMIT, mean=NO_LIMIT):
    """Limits are those of the recordings' own description."""
    assert ours.shape == theirs.shape, name
    apart = (ours.double() - theirs.double()).abs()
    print(f"{name:28} largest {apart.max():.1e}  mean {apart.mean():.1e}  allowed {largest}, mean {mean}")
    assert apart.isfinite().all(), name
    assert apart.max() <= largest, name
    assert apart.mean() <= mean, name


def check_share(name, ours, theirs, share):
    assert ours.shape == theirs.shape, name
    different = (ours != theirs).double().mean()
    print(f"{name:28} different {different:.2e}  allowed {share}")
    assert different <= share, name


def test_face_parsing_is_as_recorded(seen):
    parser = seen.generator.parser
    image = normalized(torch.cat([seen.image("src"), seen.image("tar")]))
    logits = parser(image)
    _, context16, context32 = parser.contexts(image[:1])
    sides = (parser.head16(context16, *image.shape[2:]), parser.head32(context32, *image.shape[2:]))
    check("bisenet_out", logits[0, :, ::16, ::16], seen["bisenet_out"], 1e-4)
    check("bisenet_crop", logits[0, :, 240:264, 240:264], seen["bisenet_crop"], 1e-4)
    for name, side in zip(("bisenet_out16", "bisenet_out32"), sides, strict=True):
        check(name, side[0, :, ::32, ::32], seen[name], 1e-4)
    masks = resting_mask(logits)
    for name, mask in zip(("mask_src", "mask_tar"), masks, strict=True):
        check_share(name, mask[None], seen.bits(name), 1e-3)
    shown = resize(seen["lift_rgb"][None], 512, 512)
    check_share("lift_mask", 1 - seen.generator.resting_mask(shown), seen.bits("lift_mask"), 1e-3)


def test_face_coefficients_are_as_recorded(seen):
    images = torch.cat([seen.image(name) for name in ("src", "exemplar", "tar")])
    pictures = (resize(images, 224, 224) + 1) / 2
    check("deep3d_in", pictures[:, :, ::8, ::8], seen["deep3d_in"], 1e-5)
    check("deep3d_coef", seen.regressor(images).vectors(), seen["deep3d_coef"], 1e-4)
    source, exemplar, target = (FaceCoefficients.from_vectors(row[None]) for row in seen["deep3d_coef"])
    check("coef_merged", frontal_face(source, target, exemplar).vectors(), seen["coef_merged"], 0)


def test_the_face_model_is_as_recorded(seen):
    face = pose_face(seen.face_model, FaceCoefficients.from_vectors(seen["coef_merged"]))
    check("bfm_vertex", face.vertices[0, ::37], seen["bfm_vertex"], 2e-5)
    check("bfm_landmark", face.landmarks[0], seen["bfm_landmark"], 1e-3)
    check("bfm_color", face.colors[0, ::37], seen["bfm_color"], 5e-5)
    check("bfm_texture", face.albedo[0, ::37], seen["bfm_texture"], 5e-5)
    drawn = draw_face(seen.face_model, face)
    check("face_render", drawn.image, seen["face_render"], mean=1e-3)
    check_share("face_mask", drawn.mask[:, None].float(), seen.bits("face_mask", 224), 3e-3)
    covered = drawn.mask[0, ::2, ::2] & (seen["face_depth"] > 0)
    check(
        "face_depth (both covered)", drawn.depth[0, ::2, ::2][covered], seen["face_depth"][covered], mean=1e-3
    )


def test_planes_are_as_recorded(seen):
    model = seen.generator
    features = model.canonical.encoder(normalized(seen.image("src")) * seen.bits("mask_src"))
    check("template_feat", features[0, ::4, ::8, ::8], seen["template_feat"], 2e-4)
    for name, planes in seen.planes.items():
        check(name, planes[0, :, ::2, ::8, ::8], seen[name], 2e-4)
        check(f"{name}_crop", planes[0, :, :, 120:132, 120:132], seen[f"{name}_crop"], 2e-4)
        mean, deviation, largest, shape = seen.meta["stats"][name]
        ours = torch.tensor([planes.mean(), planes.std(), planes.abs().max()])
        check(f"{name} statistics", ours, torch.tensor([mean, deviation, largest]), 2e-4)
        assert list(planes.reshape(shape).shape) == shape


def test_the_sources_own_expression_is_as_recorded(seen):
    source, exemplar, _ = (FaceCoefficients.from_vectors(row[None]) for row in seen["deep3d_coef"])
    picture = frontal_picture(seen.face_model, frontal_face(source, source, exemplar))
    planes = seen.generator.expression_planes(picture)
    # Behind our own rasteriser, whose silhouettes may differ by single pixels.
    check("t_e_self", planes[0, :, ::4, ::16, ::16], seen["t_e_self"], mean=1e-3)


@pytest.mark.parametrize("camera", ["src", "tar"])
def test_rays_are_as_recorded(seen, camera):
    eg3d_from_camera, intrinsics = seen.camera(camera)
    origins, directions = pixel_rays(eg3d_from_camera, intrinsics, 224)
    check(f"rays_{camera}_org", origins[0, 0], seen[f"rays_{camera}_org"], 2e-6)
    grid = directions.reshape(224, 224, 3)[::16, ::16]
    check(f"rays_{camera}_dir", grid, seen[f"rays_{camera}_dir"], 2e-6)


def test_appearance_stages_are_as_recorded(seen):
    features, joined = seen.appearance_features
    check("id_in", joined[0, :, ::8, ::8], seen["id_in"], 2e-4)
    check("id_feat", features[0, ::4, ::8, ::8], seen["id_feat"], 2e-4)
    points = seen.generator.lifted_points(seen.source(), seen["lift_depth"][None])
    check("lift_points", points.reshape(128, 128, 3)[::2, ::2], seen["lift_points"], 1e-5)
    nearest = nearest_points(points, 128)
    check_share("nearest", nearest[0], seen["nearest"], 2e-3)
    laid = lay_on_planes(features, seen["nearest"][None])
    check("app_feat_planes", laid[0, :, ::16, ::8, ::8], seen["app_feat_planes"], 2e-4)
    exact = seen.generator.upsampled_appearance(features, nearest)
    check("t_p, exact distances", exact[0, :, ::2, ::8, ::8], seen["t_p"], mean=2e-4)


def test_renderings_are_as_recorded(seen):
    t_c, t_e, t_p = (seen.planes[name] for name in ("t_c", "t_e", "t_p"))
    renderer = seen.generator.renderer
    colors, densities = renderer.look_up(t_c + t_e + t_p, seen["points"][None])
    check("points_rgb", colors[0], seen["points_rgb"], 5e-5)
    check("points_sigma", densities[0, :, None], seen["points_sigma"], 1e-3)
    for name, planes in (("c", t_c), ("ce", t_c + t_e), ("cep", t_c + t_e + t_p)):
        image = renderer(planes, *seen.camera("tar"), 224)
        rgb = image.colors[0]
        if name == "cep":
            check("img_cep", rgb, seen["img_cep"], 2e-2, 5e-4)
        else:
            check(f"img_{name}", rgb[:, ::2, ::2], seen[f"img_{name}"], 2e-2, 5e-4)
            check(f"img_{name}_crop", rgb[:, 88:136, 88:136], seen[f"img_{name}_crop"], 2e-2, 5e-4)
        check(f"depth_{name}", image.depth[0, ::4, ::4], seen[f"depth_{name}"], 2e-2, 6e-4)
    rough = renderer(t_c + t_e, *seen.camera("src"), 128)
    check("lift_rgb", rough.colors[0], seen["lift_rgb"], 2e-2, 5e-4)
    check("lift_depth", rough.depth[0], seen["lift_depth"], 2e-2, 6e-4)
    check("lift_weight", rough.opacity[0, ::2, ::2], seen["lift_weight"], 2e-2, 6e-4)


def test_super_resolution_is_as_recorded(seen):
    model = seen.generator.super_resolution
    small = seen["img_cep"][None]
    _, maps = model.analyse(small)
    for index in range(4):
        check(f"sr_rgb{index}", model.side_colors[index](maps[index])[0], seen[f"sr_rgb{index}"], 1e-3)
    for name, noise in (("sr_zero", "none"), ("sr_stored", "stored")):
        image = model(small, noise)
        pooled = torch.nn.functional.avg_pool2d(image, 4)[0]
        check(f"{name}_small", pooled, seen[f"{name}_small"], 1e-3)
        check(f"{name}_crop", image[0, :, 208:304, 208:304], seen[f"{name}_crop"], 1e-3)


def test_the_whole_path_stays_near_the_recording(seen):
    model = seen.generator
    source = model.prepare(seen.image("src"), *seen.camera("src"))
    read = seen.regressor
    face = frontal_face(read(seen.image("src")), read(seen.image("tar")), read(model.exemplar))
    expression = model.expression_planes(frontal_picture(seen.face_model, face))
    base = source.canonical + expression
    check("whole: t_c", source.canonical[0, :, ::2, ::8, ::8], seen["t_c"], 5e-4)
    # The silhouettes of our rasteriser differ from the recording's by single pixels.
    check("whole: t_e", expression[0, :, ::2, ::8, ::8], seen["t_e"], mean=1e-3)
    rough = model.renderer(base, *seen.camera("src"), 128)
    check("whole: lift_depth", rough.depth[0], seen["lift_depth"], mean=6e-4)
    planes = model.appearance_planes(source, base)
    check("whole: t_p", planes[0, :, ::2, ::8, ::8], seen["t_p"], mean=1e-2)
    small = model.renderer(base + planes, *seen.camera("tar"), 224).colors
    check("whole: img_cep", small[0], seen["img_cep"], mean=3e-2)
    frame = model.super_resolution(small)
    check("whole: sr_zero", frame[0, :, 208:304, 208:304], seen["sr_zero_crop"], mean=3e-2)
