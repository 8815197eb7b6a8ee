"""SVG: the size of its root element when a browser shows it alone."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import image
from tests.processors.images import svgz
from tests.processors.reading import reader

XMLNS = 'xmlns="http://www.w3.org/2000/svg"'
UNTOLD = "It has neither width and height in fixed units nor a viewBox"


def report(text: str | bytes) -> dict[str, object]:
    data = text if isinstance(text, bytes) else text.encode()
    return image.run(reader(data, "image/svg+xml"))


def size(width: int, height: int) -> dict[str, object]:
    return {"format": "svg", "width": width, "height": height}


@pytest.mark.parametrize(
    ("attributes", "width", "height"),
    [
        ('width="10" height="20"', 10, 20),
        ("width='10px' height='20PX'", 10, 20),
        ('width=" 10 " height="+20.0"', 10, 20),
        ('width="1e2" height=".5e2"', 100, 50),
        ('width="72pt" height="2pc"', 96, 32),
        ('width="2in" height="2.54cm"', 192, 96),
        ('width="10mm" height="0.2"', 38, 1),
        ('width="40q" height="2em"', 38, 32),
        ('viewBox="0 0 24 48"', 24, 48),
        ('viewBox="0,0,64,32"', 64, 32),
        ('viewBox=" -5 , -5  64.4,31.5 "', 64, 32),
        ('width="100%" height="100%" viewBox="0 0 30 40"', 30, 40),
        ('width="auto" height="" viewBox="0 0 30 40"', 30, 40),
        ('width="50vw" height="9ex" viewBox="0 0 30 40"', 30, 40),
        ('width="24." height="10 px" viewBox="0 0 30 40"', 30, 40),
        ('width="60" viewBox="0 0 30 40"', 60, 80),
        ('height="80" viewBox="0 0 30 40"', 60, 80),
        ('width="60" height="100%" viewBox="0 0 30 40"', 60, 80),
        # A style does not set the size of an image; Chromium ignores it, too.
        ('width="30" height="40" style="width:5px"', 30, 40),
        (f'data-width="1" {" " * 99_000} width="30" height="40"', 30, 40),
    ],
)
def test_the_size_is_in_css_pixels(attributes: str, width: int, height: int) -> None:
    assert report(f"<svg {XMLNS} {attributes}><rect width='7' height='8'/></svg>") == size(
        width, height
    )


@pytest.mark.parametrize(
    "before",
    [
        "\ufeff",
        "\n \t",
        '<?xml version="1.0"?>\n',
        "<!-- <svg width='1' height='2'> -->\n",
        "<?xml-stylesheet href='a.css'?>",
        "<!DOCTYPE svg>\n",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:1/svg11.dtd">',
        "<!DOCTYPE svg [<!ENTITY a 'x'><!ATTLIST svg id CDATA #IMPLIED>]>",
        "<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>",
        "<!--" + "x" * 300_000 + "-->",
    ],
)
def test_content_before_the_root_element_is_skipped(before: str) -> None:
    assert report(f'{before}<svg {XMLNS} width="10" height="20"/>') == size(10, 20)


@pytest.mark.parametrize(
    "root",
    [
        '<svg:svg xmlns:svg="http://www.w3.org/2000/svg" width="10" height="20"/>',
        "<svg\n\twidth='10'\n\theight='20'\n>",
        '<svg width="10" height="20" xlink:href="a">',
        '<svg width="10" height="20"><title>' + "x" * 1000 + "写真</title></svg>",
        '<!DOCTYPE svg [<!ENTITY w "10">]><svg width="&w;" height="2&#48;">',
        '<!DOCTYPE svg [<!ENTITY ns "a">]><svg xmlns="&ns;" width="10" height="20">',
    ],
)
def test_the_root_element_is_found_in_every_form(root: str) -> None:
    assert report(root) == size(10, 20)


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8", "utf8", "utf-16", "UTF-16LE", "UTF-16BE", "iso-8859-1", "windows-1252",
        "windows-1251", "Shift_JIS", "GB18030", "EUC-JP",
    ],
)  # fmt: skip
def test_every_encoding_of_xml_is_read(encoding: str) -> None:
    name = encoding.removesuffix("LE").removesuffix("BE")
    comment = {"windows-1251": "фото", "iso-8859-1": "é", "windows-1252": "é"}.get(encoding, "写真")
    text = (
        f'<?xml version="1.0" encoding="{name}"?>\n<!-- {comment} --><svg width="10" height="20"/>'
    )

    assert report(text.encode(encoding)) == size(10, 20)


def test_utf_16_without_a_declaration_is_read() -> None:
    assert report('<svg width="10" height="20"/>'.encode("utf-16")) == size(10, 20)


@pytest.mark.parametrize(
    "root",
    [
        f"<svg {XMLNS}/>",
        f'<svg {XMLNS} width="10"/>',
        f'<svg {XMLNS} width="100%" height="100%"/>',
        f'<svg {XMLNS} viewBox="0 0 24"/>',
        f'<svg {XMLNS} viewBox="0 0 0 0"/>',
        f'<svg {XMLNS}><svg width="3" height="4" viewBox="0 0 5 6"/></svg>',
    ],
)
def test_the_size_of_another_element_is_never_reported(root: str) -> None:
    assert report(root) == {"format": "svg", "error": UNTOLD}


@pytest.mark.parametrize("side", ["0", "-5", "0px", "-1e3"])
def test_a_side_of_zero_is_not_a_size(side: str) -> None:
    assert report(f'<svg {XMLNS} width="{side}" height="5" viewBox="0 0 3 4"/>') == {
        "format": "svg",
        "error": "Its header contains an impossible size",
    }


@pytest.mark.parametrize(
    "text", ["<svg width='1' height", "<a <svg width='1' height='2'>", "<>", "<"]
)
def test_damaged_xml_is_an_error(text: str) -> None:
    part = report(text)

    assert part.keys() == {"format", "error"}


def test_another_root_element_has_no_report() -> None:
    assert report("<html><svg width='1' height='2'/></html>") == {}


def test_a_compressed_svg_is_read() -> None:
    assert report(svgz(f'<svg {XMLNS} width="10" height="20"/>'.encode())) == size(10, 20)


def test_other_compressed_content_is_an_error() -> None:
    part = report(svgz(b"gimp xcf v011" + bytes(99)))

    assert part == {"format": "gzip", "error": "Its compressed content is not an SVG"}


def test_damaged_compressed_data_are_an_error() -> None:
    part = report(b"\x1f\x8b\x08\0\0\0\0\0\0\3 no deflated data")

    assert part == {"format": "svg", "error": "Its compressed data are damaged"}


BOMB = svgz(b"<!--" + b" " * 50_000_000)


def laughs() -> bytes:
    """The billion laughs attack, in an attribute of the root element."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    start = f'<!DOCTYPE svg [<!ENTITY l0 "{"ha" * 50}">{entities}]>'
    return f'{start}<svg width="&l9;" height="1"/>'.encode()


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(laughs(), id="entities of entities"),
        pytest.param(BOMB, id="a bomb"),
    ],
)  # fmt: skip
def test_hostile_text_takes_little_memory(hostile: bytes) -> None:
    tracemalloc.start()
    try:
        part = report(hostile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert part.keys() == {"format", "error"}
    assert peak < 32 * 1024 * 1024


@pytest.mark.parametrize("attribute", ["width", "viewBox"])
@pytest.mark.parametrize("text", ["1" * 200_000 + "x", " " * 200_000 + "x", "; width" * 30_000])
def test_a_long_attribute_takes_little_time(attribute: str, text: str) -> None:
    assert report(f'<svg {attribute}="{text}"/>').keys() == {"format", "error"}


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    part = report(f"<svg {text}")

    assert part.keys() in ({"format", "width", "height"}, {"format", "error"}, set())
