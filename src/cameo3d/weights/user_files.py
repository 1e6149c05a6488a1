"""Files of published networks that measures and training use, in the user's folder; nothing is downloaded."""

from dataclasses import dataclass
from pathlib import Path

from cameo3d.weights.places import weights_folder

ALEXNET, ALEX_HEADS = "alexnet-owt-7be5be79.pth", "alex.pth"
VGG, VGG_HEADS = "vgg16-397923af.pth", "vgg.pth"
INCEPTION = "pt_inception-2015-12-05-6726825d.pth"
ARCFACE, AURAFACE = "w600k_r50.onnx", "auraface.onnx"
SYNCNET = "syncnet_v2.model"
DEEP3D = "epoch_20.pth"
VGG_19, VGG_FACE = "vgg19-dcbb9e9d.pth", "vgg_face_dag.pth"
RESNET_34, MIT_B0 = "resnet34-b627a593.pth", "mit_b0.pth"
SEGFORMER = "segformer-b0-finetuned-ade-512-512.bin"
MODNET = "modnet_photographic_portrait_matting.ckpt"
SELFIE_CLASSES = "selfie_multiclass_256x256.tflite"
GFPGAN, GFPGAN_DISCRIMINATOR = "GFPGANv1.3.pth", "GFPGANv1_net_d.pth"


@dataclass(frozen=True)
class NetworkFile:
    """One file that the user may put into the folder."""

    name: str
    use: str
    """What it is needed for."""
    source: str
    licence: str


def file_stamp(path: Path) -> tuple[int, int]:
    """Size and time of change: where they differ, it is another file, whatever its name."""
    try:
        status = path.stat()
    except OSError:  # whoever reads it tells so
        return 0, 0
    return status.st_size, status.st_mtime_ns


_TORCHVISION = "download.pytorch.org/models"
_LPIPS = "lpips/weights/v0.1 of github.com/richzhang/PerceptualSimilarity, or of the PyPI package lpips 0.1.4"
_IMAGENET = "BSD-3-Clause (torchvision); trained on ImageNet, whose pictures are for research"

FILES = (
    NetworkFile(ALEXNET, "lpips[alex]", _TORCHVISION, _IMAGENET),
    NetworkFile(ALEX_HEADS, "lpips[alex]", _LPIPS, "BSD-2-Clause"),
    NetworkFile(VGG, "lpips[vgg]", _TORCHVISION, _IMAGENET),
    NetworkFile(VGG_HEADS, "lpips[vgg]", _LPIPS, "BSD-2-Clause"),
    NetworkFile(
        INCEPTION, "fid[inception]", "release fid_weights of github.com/mseitzer/pytorch-fid", "Apache-2.0"
    ),
    NetworkFile(
        *(ARCFACE, "csim[arcface]", "buffalo_l.zip of github.com/deepinsight/insightface"),
        "non-commercial research only",
    ),
    NetworkFile(
        AURAFACE, "csim[auraface]", "glintr100.onnx of huggingface.co/fal/AuraFace-v1, renamed", "Apache-2.0"
    ),
    NetworkFile(
        *(SYNCNET, "sync_confidence[syncnet], sync_distance[syncnet], av_offset[syncnet]"),
        *("www.robots.ox.ac.uk/~vgg/software/lipsync", "code MIT, weights without a stated licence"),
    ),
    NetworkFile(
        *(DEEP3D, "aed[deep3d], apd[deep3d]", "github.com/sicxu/Deep3DFaceRecon_pytorch"),
        "code MIT, weights bound to the Basel Face Model: non-commercial",
    ),
    NetworkFile(
        *(SELFIE_CLASSES, "official Real3D's six classes of the photo, instead of our own"),
        *("Real3D-Portrait's repository, or MediaPipe's models", "Apache-2.0"),
    ),
    NetworkFile(
        *(MODNET, "official GOHA's mattes, instead of our own"),
        *("github.com/ZHKKKe/MODNet", "Apache-2.0; trained on pictures of several terms"),
    ),
    NetworkFile(VGG_19, "the perceptual loss of `cameo3d train`", _TORCHVISION, _IMAGENET),
    NetworkFile(
        *(VGG_FACE, "the perceptual loss of `cameo3d train`"),
        *("www.robots.ox.ac.uk/~albanie/pytorch-models.html", "VGG-Face: non-commercial research only"),
    ),
    NetworkFile(RESNET_34, "a start of `cameo3d train real3d.image_to_plane`", _TORCHVISION, _IMAGENET),
    NetworkFile(
        *(MIT_B0, "a start of `cameo3d train real3d.motion`"),
        *("github.com/NVlabs/SegFormer", "NVIDIA, non-commercial; trained on ImageNet"),
    ),
    NetworkFile(
        *(SEGFORMER, "a start of `cameo3d train goha.reconstruction`"),
        "pytorch_model.bin of huggingface.co/nvidia/segformer-b0-finetuned-ade-512-512, renamed",
        "NVIDIA, non-commercial; trained on ImageNet and ADE20K",
    ),
    NetworkFile(
        *(GFPGAN, "a start of `cameo3d train goha.super_resolution`"),
        *("releases of github.com/TencentARC/GFPGAN", "Apache-2.0; trained on FFHQ, non-commercial"),
    ),
    NetworkFile(
        *(GFPGAN_DISCRIMINATOR, "the discriminators of `cameo3d train goha.*`"),
        *("releases of github.com/TencentARC/GFPGAN", "Apache-2.0; trained on FFHQ, non-commercial"),
    ),
)
"""All files that are looked for, under their makers' names; AuraFace and SegFormer are renamed."""


@dataclass(frozen=True)
class Networks:
    """The user's folder of networks."""

    folder: Path

    def missing(self, *names: str) -> str:
        """One sentence about which of the files are not there; empty if all are."""
        absent = [name for name in names if not (self.folder / name).is_file()]
        if not absent:
            return ""
        return f"{' and '.join(absent)} not found in {self.folder}; `cameo3d weights list` names the source."


def own_networks() -> Networks:
    """The folder `networks` in the user's folder of weights, see `weights_folder`."""
    return Networks(weights_folder() / "networks")
