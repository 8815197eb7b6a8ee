import struct
from typing import Any

import pytest

from chalicelib.processors import document
from tests.processors.compound import Tree, compound, property_set
from tests.processors.reading import reader, sparse
from tests.processors.real_files import real

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SUMMARY, DOCUMENT_SUMMARY = "\5SummaryInformation", "\5DocumentSummaryInformation"
MIB = 1024 * 1024


def read(data: bytes, content_type: str = "application/x-ole-storage") -> dict[str, Any]:
    assert document.applies_to(content_type, len(data))
    return document.run(reader(data, content_type))


@pytest.mark.parametrize(
    "content_type",
    [
        DOCX,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/x-ole-storage",
    ],
)
def test_a_document_with_a_password_is_encrypted(content_type: str) -> None:
    data = compound({
        "EncryptionInfo": bytes(200), "EncryptedPackage": bytes(9000),
        "\6DataSpaces": {"Version": bytes(76)},
    })  # fmt: skip

    assert read(data, content_type) == {
        "format": "ole", "kind": "Office document", "encrypted": True,
    }  # fmt: skip


def word(flags: int) -> Tree:
    return {
        "WordDocument": struct.pack("<HH6xH", 0xA5EC, 0xC1, flags) + bytes(5000),
        SUMMARY: property_set({2: "Grüße – alle", 14: 12, 15: 3456}),
    }


def test_title_pages_and_words_of_a_word_document_are_reported() -> None:
    assert read(compound(word(0x0200)), "application/msword") == {
        "format": "ole", "kind": "Word", "encrypted": False, "title": "Grüße – alle", "pages": 12,
        "words": 3456,
    }  # fmt: skip


def test_a_word_document_with_a_password_is_encrypted() -> None:
    expected = {"format": "ole", "kind": "Word", "encrypted": True}

    assert read(compound(word(0x0300)), "application/msword") == expected


def test_macros_are_reported() -> None:
    data = compound(word(0) | {"Macros": {"VBA": {"_VBA_PROJECT": b"x"}}})

    assert read(data)["macros"] is True


@pytest.mark.parametrize(("code_page", "title"), [(1251, "Привет"), (65001, "写真"), (932, "写真")])
def test_a_title_is_decoded_in_its_code_page(code_page: int, title: str) -> None:
    tree: Tree = {"WordDocument": bytes(20), SUMMARY: property_set({2: title}, code_page=code_page)}

    assert read(compound(tree))["title"] == title


def test_the_sheets_of_a_workbook_are_reported() -> None:
    assert read(real("xlwt.xls"), "application/vnd.ms-excel") == {
        "format": "ole", "kind": "Excel", "encrypted": False, "sheets": ["Eins", "Zwei €"],
        "sheet_count": 2,
    }  # fmt: skip


def test_a_workbook_with_a_password_is_encrypted() -> None:
    records = struct.pack("<HH16x", 0x809, 16) + struct.pack("<HH6x", 0x2F, 6)
    report = read(compound({"Workbook": records + bytes(6000)}))

    assert report == {"format": "ole", "kind": "Excel", "encrypted": True}


@pytest.mark.parametrize(("mark", "encrypted"), [(0xE391C05F, False), (0xF3D1C4DF, True)])
def test_the_slides_of_a_presentation_are_counted(mark: int, *, encrypted: bool) -> None:
    slides = {} if encrypted else {"title": "Vortrag", "slides": 23}
    tree: Tree = {
        "PowerPoint Document": bytes(5000),
        "Current User": struct.pack("<HHIII", 0, 0xFF6, 20, 20, mark),
        SUMMARY: property_set({2: "Vortrag"}),
        DOCUMENT_SUMMARY: property_set({7: 23}),
    }

    expected = {"format": "ole", "kind": "PowerPoint", "encrypted": encrypted}
    assert read(compound(tree), "application/vnd.ms-powerpoint") == expected | slides


def test_subject_sender_and_attachments_of_an_outlook_message_are_reported() -> None:
    def attachment(name: str) -> Tree:
        return {"__substg1.0_3707001F": name.encode("utf-16-le"), "__substg1.0_37010102": b"x"}

    data = compound({
        "__properties_version1.0": bytes(32),
        "__substg1.0_0037001F": "Grüße".encode("utf-16-le"),
        "__substg1.0_0C1F001E": b"/O=EXCHANGE/CN=MUELLER",
        "__substg1.0_0C1A001E": b"J\xf6rg M\xfcller",
        "__attach_version1.0_#00000000": attachment("Größe.pdf"),
        "__attach_version1.0_#00000001": {
            "__substg1.0_3701000D": {"__attach_version1.0_#00000000": attachment("inner.txt")},
            "__substg1.0_3001001F": "Other mail".encode("utf-16-le"),
        },
    })  # fmt: skip

    assert read(data, "application/vnd.ms-outlook") == {
        "format": "ole", "kind": "Outlook message", "subject": "Grüße", "from": "Jörg Müller",
        "attachment_count": 2, "attachments": ["Größe.pdf", "Other mail"],
    }  # fmt: skip


def test_the_title_of_an_installer_is_the_product() -> None:
    clsid = bytes.fromhex("84100c0000000000c000000000000046")
    tree: Tree = {SUMMARY: property_set({2: "Installation Database", 3: "Our program"})}

    assert read(compound(tree, clsid=clsid), "application/x-msi") == {
        "format": "ole", "kind": "installer", "title": "Our program",
    }  # fmt: skip


def test_a_compound_file_of_another_program_has_only_a_format() -> None:
    assert read(compound({"Catalog": bytes(100)})) == {"format": "ole"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504), id="a header of zeros"),
        pytest.param(compound(word(0))[:600], id="cut"),
        pytest.param(bytes.fromhex("d0cf11e0a1b11ae1"), id="a mark only"),
    ],
)
def test_an_unreadable_directory_is_an_error(data: bytes) -> None:
    assert read(data, DOCX) == {"format": "ole", "error": "Its directory cannot be read"}


def test_a_circular_chain_ends() -> None:
    data = bytearray(compound(word(0)))
    table = 512 * (1 + struct.unpack_from("<I", data, 76)[0])
    for sector in range(len(data) // 512):
        struct.pack_into("<I", data, table + 4 * sector, sector)
    source, reading = sparse({0: bytes(data)}, 64 * MIB, DOCX)

    assert "format" in document.run(source)
    assert sum(size for _, size in reading.requests) <= 4 * MIB


def test_a_circular_directory_ends() -> None:
    data = compound({str(number): b"x" for number in range(50)})
    entry = "7".encode("utf-16-le").ljust(64, b"\0")
    at = data.index(entry) + 68
    data = data[:at] + struct.pack("<II", 1, 1) + data[at + 8 :]

    assert read(data) == {"format": "ole"}
