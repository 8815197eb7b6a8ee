import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.text_encoding import decode, encoding_of, is_text

TEXT = "name;city\nAnna;Bonn\nBo;Ulm\n"
RUSSIAN = "имя;город\nАнна;Москва\n"
LEGACY = {
    "cp1252": "Größe; “Straße” – isn’t\n",
    "latin-1": "#define GRÖSSE 1\n",
    "cp1250": "Příliš žluťoučký kůň\n",
    "cp1251": "Съешь ещё этих мягких французских булок\n",
    "koi8-r": "Съешь ещё этих мягких французских булок\n",
    "koi8-u": "Щастя і ґудзик\n",
    "cp1253": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία\n",
    "cp1254": "Pijamalı hasta yağız şoföre çabucak güvendi\n",
    "cp1255": "דג סקרן שט בים\n",
    "cp1256": "نص حكيم له سر قاطع\n",
    "cp437": "P2;Größe █▓▒░\n",
    "cp850": "Größe;Señor;ø\n",
    "cp866": "Съешь ещё этих булок\n",
    "mac-roman": "Größe “Ünïcode”\n",
    "shift_jis": "名前,都市\n写真,東京\n表示ソ能\n",
    "euc-jp": "名前,都市\n写真,東京\n",
    "iso2022_jp": "名前,都市\n写真,東京\n",
    "euc-kr": "이름,도시\n서울\n",
    "cp949": "뷁,똠방각하\n",
    "gb18030": "姓名,城市\n北京𠮷\n",
    "big5": "姓名,城市\n台北\n",
    "tis-620": "ชื่อ,เมือง\n",
}


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        pytest.param(b"", "utf-8", id="empty"),
        pytest.param(TEXT.encode(), "utf-8", id="ASCII"),
        pytest.param("Größe".encode(), "utf-8", id="UTF-8"),
        pytest.param("Größe".encode()[:3], "utf-8", id="UTF-8, cut in a character"),
        pytest.param("👩‍👩‍👧 می‌خواهم".encode(), "utf-8", id="joiners"),
        pytest.param("kö\u00adnig".encode(), "utf-8", id="soft hyphen"),
        pytest.param("\ue000 \U000f0000".encode(), "utf-8", id="private use"),
        pytest.param("\U0001fae9 \U0001ff00".encode(), "utf-8", id="emoji newer than Python"),
        pytest.param("\u2028\u200e\ufeff".encode(), "utf-8", id="separators and marks"),
        pytest.param(b"DIR\r\n\x1a", "utf-8", id="DOS end of file"),
        pytest.param(b"DIR\r\n" + b"\x1a" * 120, "utf-8", id="CP/M's last block"),
        pytest.param(b"a\fb\x1b[1mc\x1b[0m N\bNA\bA\vx", "utf-8", id="manual page"),
        pytest.param(b"8=FIX.4.2\x0135=D\x0149=BROKER", "utf-8", id="separators of FIX"),
        pytest.param("\ufeff".encode() + TEXT.encode(), "utf-8-sig", id="UTF-8 with its mark"),
        pytest.param(TEXT.encode("utf-16"), "utf-16", id="UTF-16 with its mark"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16", id="big-endian, its mark"),
        pytest.param(TEXT.encode("utf-32"), "utf-32", id="UTF-32 with its mark"),
        pytest.param(TEXT.encode("utf-16-le"), "utf-16-le", id="UTF-16LE without a mark"),
        pytest.param(TEXT.encode("utf-16-be"), "utf-16-be", id="UTF-16BE without a mark"),
        pytest.param(TEXT.encode("utf-32-le"), "utf-32-le", id="UTF-32LE without a mark"),
        pytest.param(TEXT.encode("utf-32-be"), "utf-32-be", id="UTF-32BE without a mark"),
        pytest.param(RUSSIAN.encode("utf-16-le"), "utf-16-le", id="Russian, no mark"),
        pytest.param("日本語".encode("utf-16"), "utf-16", id="Japanese, its mark"),
        pytest.param(TEXT.encode("utf-16")[:-1], "utf-16", id="UTF-16, cut in a character"),
        pytest.param("Größe".encode("cp1252"), None, id="a code page"),
        pytest.param(b"hello\0world", None, id="NUL"),
        pytest.param(bytes(64), None, id="zeros"),
        pytest.param(b"\xff\xfe\0\0", "utf-32", id="a mark alone"),
        pytest.param(b"\xff\xfe" + bytes(60), None, id="a mark and zeros"),
        pytest.param(b"\x01\x02\x03\x04abc", None, id="controls"),
    ],
)
def test_a_beginning_shows_its_unicode_encoding(head: bytes, encoding: str | None) -> None:
    assert encoding_of(head) == encoding


@pytest.mark.parametrize("codec", LEGACY)
def test_text_in_a_legacy_encoding_is_text(codec: str) -> None:
    assert is_text(LEGACY[codec].encode(codec))


@pytest.mark.parametrize("codec", LEGACY)
def test_text_in_a_legacy_encoding_with_a_dos_end_of_file_is_text(codec: str) -> None:
    assert is_text(LEGACY[codec].encode(codec) + b"\x1a")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", id="PNG"),
        pytest.param(b"\xff\xd8\xff\xe0\0\x10JFIF\0", id="JPEG"),
        pytest.param(b"\x7fELF\2\1\1\0", id="ELF"),
        pytest.param(b"\x1f\x8b\x08\0" + bytes(10), id="gzip"),
        pytest.param(b"\xff" * 8192, id="erased memory"),
        pytest.param(b"\xa7\x01\xfe\x93" * 100, id="noise"),
        pytest.param(b"a\0b\0\0\0\x01\0" * 9, id="numbers of two bytes"),
        pytest.param(b"]\0\0\x80\0" + b"\xff" * 8 + b"\0" + b"1\x19I*B\xa9", id="LZMA"),
    ],
)
def test_other_bytes_are_no_text(head: bytes) -> None:
    assert not is_text(head)


def test_markup_is_read_in_any_encoding() -> None:
    page = "<html>Größe"
    readings = {
        codec: decode(page.encode(codec)) for codec in ("utf-8-sig", "utf-16", "utf-16-le", "cp437")
    }

    assert {text[:6] for text in readings.values()} == {"<html>"}


PRINTED = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r")
).filter(lambda text: not any("\ufdd0" <= character <= "\ufdef" for character in text))


@given(PRINTED, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_any_characters_in_unicode_are_text(text: str, codec: str) -> None:
    assert is_text(text.encode(codec))


@given(st.binary(max_size=300))
def test_a_text_with_an_encoding_can_be_decoded(head: bytes) -> None:
    encoding = encoding_of(head)

    assert isinstance(decode(head), str)
    assert encoding is None or is_text(head)
