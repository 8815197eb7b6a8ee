"""Images by Pillow, pillow-heif, imagecodecs, matplotlib, segno, svgwrite, astropy, pydicom."""

import gzip
import io
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy
import pillow_heif
import segno
import svgwrite
from astropy.io import fits
from files import File, Files, Names
from PIL import Image, ImageDraw

# Pillow's name, our format, the extension, modes, and options for `save`.
PILLOW: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("PNG", "png", "png", "RGB RGBA L LA P 1 I;16", {}),
    ("PNG", "png", "png", "RGB", {"exif": {0x0112: 6}}),
    ("PNG", "png", "png", "P", {"optimize": True, "dpi": (300, 300)}),
    ("JPEG", "jpeg", "jpg", "RGB L CMYK", {}),
    ("JPEG", "jpeg", "jpeg", "RGB", {"progressive": True, "exif": {0x0112: 8, 0x010F: "Maker"}}),
    ("JPEG", "jpeg", "jfif", "RGB", {"comment": "no <html> here", "dpi": (72, 72)}),
    ("JPEG", "jpeg", "jpe", "RGB", {"quality": 20, "subsampling": 2}),
    ("GIF", "gif", "gif", "P L RGB", {}),
    ("GIF", "gif", "gif", "P", {"comment": b"made with love", "interlace": 1}),
    ("BMP", "bmp", "bmp", "RGB L P 1 RGBA", {}),
    ("DIB", "dib", "dib", "RGB L", {}),
    ("TIFF", "tiff", "tif", "RGB L CMYK 1 I;16 F", {}),
    ("TIFF", "tiff", "tiff", "RGB L", {"compression": "tiff_lzw"}),
    ("TIFF", "tiff", "tif", "RGB", {"compression": "jpeg"}),
    ("TIFF", "tiff", "tif", "RGB", {"compression": "tiff_deflate", "big_tiff": True}),
    ("TIFF", "tiff", "tiff", "1", {"compression": "group4"}),
    ("WEBP", "webp", "webp", "RGB RGBA", {}),
    ("WEBP", "webp", "webp", "RGB", {"lossless": True, "exif": {0x0112: 6}}),
    ("AVIF", "avif", "avif", "RGB RGBA", {}),
    ("JPEG2000", "jp2", "jp2", "RGB L RGBA", {}),
    ("JPEG2000", "j2k", "j2k", "RGB L", {"no_jp2": True}),
    ("JPEG2000", "j2k", "jpc", "RGB", {"no_jp2": True, "irreversible": True}),
    ("ICO", "ico", "ico", "RGBA RGB", {"sizes": [(16, 16), (32, 32)]}),
    ("ICO", "ico", "ico", "RGBA", {"sizes": [(16, 16)], "bitmap_format": "bmp"}),
    ("ICNS", "icns", "icns", "RGBA", {}),
    ("TGA", "tga", "tga", "RGB L P RGBA", {}),
    ("TGA", "tga", "tga", "RGB L", {"compression": "tga_rle"}),
    ("PCX", "pcx", "pcx", "RGB L P 1", {}),
    ("SGI", "sgi", "sgi", "RGB RGBA", {}),
    ("SGI", "sgi", "rgb", "RGB", {}),
    ("SGI", "sgi", "bw", "L", {}),
    ("DDS", "dds", "dds", "RGB RGBA L", {}),
    ("DDS", "dds", "dds", "RGBA", {"pixel_format": "DXT5"}),
    ("PPM", "ppm", "ppm", "RGB", {}),
    ("PPM", "pgm", "pgm", "L I;16", {}),
    ("PPM", "pbm", "pbm", "1", {}),
    ("PPM", "pfm", "pfm", "F", {}),
    ("XBM", "xbm", "xbm", "1", {}),
    ("IM", "im", "im", "RGB L", {}),
    ("MSP", "msp", "msp", "1", {}),
    ("SPIDER", "spider", "spi", "F", {}),
    ("BLP", "blp", "blp", "P", {}),
    ("QOI", "qoi", "qoi", "RGB RGBA", {}),
    ("EPS", "eps", "eps", "RGB L", {}),
    ("PDF", "pdf", "pdf", "RGB L", {}),
]
SIZES = ((16, 16), (61, 43))
CODECS: list[tuple[str, str, Callable[..., bytes]]] = [
    ("jxl", "jxl", imagecodecs.jpegxl_encode),
    ("jxr", "jxr", imagecodecs.jpegxr_encode),
    ("jls", "jls", imagecodecs.jpegls_encode),
    ("jp2", "jp2", imagecodecs.jpeg2k_encode),
    ("png", "png", imagecodecs.png_encode),
    ("webp", "webp", imagecodecs.webp_encode),
    ("jpeg", "jpg", imagecodecs.jpeg8_encode),
]


def drawing(mode: str, size: tuple[int, int]) -> Image.Image:
    """A gradient with a circle: colours that all formats can store, and that compress."""
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(picture).ellipse((2, 2, size[0] - 3, size[1] - 3), fill=(200, 40, 90))
    if mode == "I;16":
        return picture.convert("L").convert("I").point(lambda value: value * 256).convert("I;16")
    return picture.convert(mode)


def by_pillow(names: Names) -> Files:
    """Pillow's output."""
    for kind, name, extension, modes, options in PILLOW:
        saved = {**options}
        if "exif" in saved:
            exif = Image.Exif()
            exif.update(saved["exif"])
            saved["exif"] = exif
        for mode in modes.split():
            for size in SIZES:
                if kind == "ICNS" and size == SIZES[1]:
                    continue
                out = io.BytesIO()
                drawing(mode, size).save(out, kind, **saved)
                made_by = f"Pillow {kind} {mode} {options}"
                yield File(name, names(extension), out.getvalue(), made_by)


def moving(names: Names) -> Files:
    """Images with several frames or pages."""
    frames = [drawing("RGB", (40, 30 + 10)).rotate(20 * turn) for turn in range(3)]
    for kind, name, extension in (
        ("GIF", "gif", "gif"), ("PNG", "apng", "png"), ("WEBP", "webp", "webp"),
        ("TIFF", "tiff", "tif"), ("AVIF", "avif", "avif"), ("PDF", "pdf", "pdf"),
        ("MPO", "mpo", "mpo"), ("PNG", "apng", "apng"),
    ):  # fmt: skip
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        yield File(name, names(extension), out.getvalue(), f"Pillow {kind}, three frames")


def by_codecs(names: Names) -> Files:
    """The output of imagecodecs and libheif."""
    for name, extension, encode in CODECS:
        for mode, size in (("RGB", (16, 16)), ("RGB", (61, 43)), ("L", (64, 48))):
            if (name, mode) == ("webp", "L"):
                continue
            data = bytes(encode(numpy.asarray(drawing(mode, size))))
            yield File(name, names(extension), data, f"imagecodecs {mode} {size}")
    for extension in ("heic", "heif", "hif"):
        for mode in ("RGB", "RGBA", "L"):
            out = io.BytesIO()
            pillow_heif.from_pillow(drawing(mode, (64, 48))).save(out)
            name = "heic" if extension == "heic" else "heif"
            yield File(name, names(extension), out.getvalue(), f"libheif {mode}")


def drawn(names: Names) -> Files:
    """Vector images: segno's codes, drawings of svgwrite and matplotlib."""
    for text in ("https://example.org/", "Grüße", "1234567890" * 8):
        code = segno.make(text)
        for kind, name in (
            ("svg", "svg"), ("svgz", "svgz"), ("png", "png"), ("pdf", "pdf"), ("eps", "eps"),
            ("pbm", "pbm"), ("pam", "pam"), ("ppm", "ppm"), ("xbm", "xbm"), ("xpm", "xpm"),
            ("tex", "tex"), ("txt", "txt"),
        ):  # fmt: skip
            text_out, out = io.StringIO(), io.BytesIO()
            is_text = kind in ("eps", "xbm", "xpm", "tex", "txt")
            code.save(text_out if is_text else out, kind=kind)
            data = out.getvalue() or text_out.getvalue().encode()
            yield File(name, names(kind), data, f"segno {kind}")
    for size in (("24", "24"), ("100%", "100%"), ("10mm", "20mm")):
        for profile in ("full", "tiny"):
            drawing_ = svgwrite.Drawing(size=size, profile=profile)
            drawing_.add(drawing_.circle(center=(12, 12), r=5, fill="red"))
            text = drawing_.tostring()
            yield File("svg", names("svg"), text.encode(), f"svgwrite {profile}")
            marked = f'<?xml version="1.0" encoding="utf-8"?>\n<!-- a map -->\n{text}'
            yield File("svg", names("svg"), marked.encode("utf-8-sig"), "svgwrite, BOM, comment")
            zipped = gzip.compress(text.encode(), mtime=0)
            yield File("svgz", names("svgz"), zipped, "svgwrite, gzip")


def plotted(names: Names) -> Files:
    """Plots by matplotlib, in all its formats."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "corpus"
    from matplotlib import pyplot

    for values in ([1, 2, 3], [3, 1, 2], [5, 5, 1, 0]):
        figure, axes = pyplot.subplots(figsize=(2, 1.5))
        axes.plot(values)
        axes.set_axis_off()
        for kind, name in (
            ("svg", "svg"), ("svgz", "svgz"), ("pdf", "pdf"), ("ps", "ps"), ("eps", "eps"),
            ("png", "png"), ("jpg", "jpeg"), ("tif", "tiff"), ("webp", "webp"),
        ):  # fmt: skip
            out = io.BytesIO()
            figure.savefig(out, format=kind)
            yield File(name, names(kind), out.getvalue(), f"matplotlib {kind}")
        pyplot.close(figure)


def scanned(names: Names) -> Files:
    """Images of science and medicine: FITS, DICOM, NIfTI."""
    import nibabel
    import pydicom
    from pydicom.data import get_testdata_file

    for dtype in ("uint8", "int16", "float32"):
        pixels = numpy.asarray(drawing("L", (32, 24))).astype(dtype)
        out = io.BytesIO()
        fits.PrimaryHDU(pixels).writeto(out)
        yield File("fits", names("fits"), out.getvalue(), f"astropy {dtype}")
        yield File("fits", names("fit"), out.getvalue(), f"astropy {dtype}")
        volume = numpy.stack([pixels, pixels]).astype("float32" if dtype == "float32" else "int16")
        image = nibabel.Nifti1Image(volume, numpy.eye(4))
        yield File("nifti", names("nii"), image.to_bytes(), f"nibabel {dtype}")
        packed = gzip.compress(image.to_bytes(), mtime=0)
        yield File("gz", names("nii.gz"), packed, f"nibabel {dtype}, gzip")
        mgh = nibabel.MGHImage(volume.astype("float32"), numpy.eye(4))
        yield File("mgh", names("mgh"), mgh.to_bytes(), f"nibabel MGH {dtype}")
    for sample in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm"):
        dataset = pydicom.dcmread(str(get_testdata_file(sample)))
        for name in ("dcm", "dicom"):
            out = io.BytesIO()
            pydicom.dcmwrite(out, dataset)
            yield File("dicom", names(name), out.getvalue(), f"pydicom {sample}")


MAKERS = (by_pillow, moving, by_codecs, drawn, plotted, scanned)
