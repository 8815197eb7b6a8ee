import pytest

from chalicelib.processors.archive import name_encoding

MADE_IN = [
    ("cp437", ["Größe.txt"]),
    ("cp437", ["übung.doc", "Öl.txt", "é.txt"]),
    ("cp437", ["smörgåsbord.txt", "Åsa.jpg"]),
    ("cp437", ["été.txt", "façade.jpg", "garçon"]),
    ("cp850", ["Ação.txt", "São Paulo.doc", "Relatório não.pdf"]),
    ("cp850", ["ÁRBOL.txt", "Ñandú.txt", "¿Qué?.txt"]),
    ("cp850", ["blåbærsyltetøy.txt"]),
    ("cp1252", ["Größe.txt"]),
    ("cp1252", ["café.txt"]),
    ("cp1252", ["umlauts-ÄÖÜäöüß"]),
    ("cp437", ["äöü.txt"]),
    ("cp852", ["zażółć gęślą jaźń.txt"]),
    ("cp1250", ["zażółć gęślą jaźń.txt"]),
    ("cp866", ["Привет.txt", "Документ 1.doc"]),
    ("cp866", ["отчет.xls"]),
    ("cp1251", ["Привет.txt", "Документ 1.doc"]),
    ("cp1251", ["отчет.xls"]),
    ("cp737", ["Ελλάδα.txt", "Έγγραφο.doc"]),
    ("cp1253", ["Ελλάδα.txt", "Έγγραφο.doc"]),
    ("cp932", ["日本語.txt"]),
    ("cp932", ["写真/IMG_001.jpg", "議事録 2024年.docx"]),
    ("cp932", ["テスト.txt"]),
    ("cp932", ["見積書.xlsx"]),
    ("gbk", ["中文.txt"]),
    ("gbk", ["新建文件夹/图片.jpg", "测试.txt"]),
    ("gbk", ["项目合同.pdf"]),
    ("big5", ["文件.txt", "測試檔案.doc"]),
    ("big5", ["會議記錄.docx"]),
    ("cp949", ["한국어.txt"]),
    ("cp949", ["보고서.hwp", "사진 모음.zip"]),
]


@pytest.mark.parametrize(("codec", "names"), MADE_IN, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("is_unix", [False, True])
def test_names_are_decoded_in_their_code_page(
    codec: str,
    names: list[str],
    is_unix: bool,  # noqa: FBT001
) -> None:
    raw = [name.encode(codec) for name in names]
    guessed = name_encoding.guess(raw, is_unix=is_unix)

    assert [name.decode(guessed) for name in raw] == names


@pytest.mark.parametrize(("is_unix", "codec"), [(False, "cp437"), (True, "cp1252")])
def test_a_single_letter_is_decoded_in_the_code_page_of_the_system(
    is_unix: bool,  # noqa: FBT001
    codec: str,
) -> None:
    assert name_encoding.guess(["Ä.txt".encode(codec)], is_unix=is_unix) == codec


def test_bytes_that_fit_no_code_page_are_decoded_as_dos() -> None:
    assert name_encoding.guess([b"\xb0\xb1\x98\xff\x81"], is_unix=True) == "cp437"
