"""The plain tag that tells people and programs that a picture or a video was made by this package.

Anybody can remove it; `cameo3d.provenance` adds what is signed, and what stays in the picture.
"""

from pathlib import Path

from cameo3d.errors import InputError
from cameo3d.media.files import check_input, shown

AI_TAG = "AI-generated: made with cameo3d from one photo"
"""Stands in the comment of every file that the package writes."""

_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
Iptc4xmpExt:DigitalSourceType="{_SOURCE_TYPE}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>"""
_EXIF_DESCRIPTION, _EXIF_SOFTWARE = 0x010E, 0x0131


def video_tags(tag: str = AI_TAG) -> dict[str, str]:
    """Metadata of an mp4, mov or webm container; the muxer adds its own `encoder`."""
    return {"comment": tag}


def image_tags(suffix: str, tag: str = AI_TAG) -> dict:
    """Keyword arguments for Pillow's `save`: the tag as text, and IPTC's digital source type as XMP.

    Args:
        suffix: ".png", ".jpg", ".jpeg" or ".webp", which differ in where they keep text.
        tag: The text.
    """
    from PIL import Image, PngImagePlugin

    exif = Image.Exif()
    exif[_EXIF_DESCRIPTION] = tag
    exif[_EXIF_SOFTWARE] = "cameo3d"
    if suffix != ".png":
        return {"exif": exif.tobytes(), "xmp": _XMP.encode()}
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", tag)
    text.add_text("Software", "cameo3d")
    text.add_itxt("XML:com.adobe.xmp", _XMP)
    return {"exif": exif.tobytes(), "pnginfo": text}


def read_tag(path: Path) -> str | None:
    """The comment of a picture or a video, such as `AI_TAG`; None if it has none.

    Raises:
        InputError: If the file is neither.
    """
    from PIL import Image, UnidentifiedImageError

    from cameo3d.media.containers import open_container

    check_input(path, "file")
    Image.init()
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as image:
            return image.getexif().get(_EXIF_DESCRIPTION)
    except UnidentifiedImageError:
        pass
    except OSError as error:
        raise InputError(f"The file {shown(path)} is damaged; give another.") from error
    with open_container(path, "file") as container:
        tags = {name.lower(): text for name, text in container.metadata.items()}
        return tags.get("comment")
