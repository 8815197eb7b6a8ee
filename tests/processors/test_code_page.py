import pytest

from chalicelib.processors.tabular.code_page import encoding_of

TEXTS = {
    "windows-1252": [
        "Größe;Straße\n1;2\n", "Nº;Descripción;Año\n1;Camión;2020\n", "Élève;Classe\nZoé;CM2\n",
        "Código;Descrição;Preço\n1;Maçã;2\n", "Navn;Størrelse\nBjørn;3\n", "Temp °C;%\n21,5;40\n",
        "id,quote\n1,“hello” – it’s\n", "Preis €;Menge\n1,50;3\n", "BMI;Größe\n22,1;180\n",
        "FORMAT;GRÖSSE\nA;1\n",
    ],
    "windows-1251": ["Имя;Город\nАнна;Москва\n", "ГОРОД\nМОСКВА\n", "Ім’я;Місто\nОлена;Київ\n"],
    "koi8-r": ["Имя;Город\nАнна;Москва\n", "Название;Цена\nМолоко;12,50\n"],
    "cp866": ["Имя;Город\nАнна;Москва\n"],
    "windows-1250": [
        "Imię;Nazwisko\nŁukasz;Żak\n", "Jméno;Příjmení\nJiří;Dvořák\n", "Név;Hely\nGyőző;Ózd\n",
    ],
    "cp932": ["名前,都市\n山田,東京\n", "氏名,住所\n佐藤,大阪市\n", "ﾃｽﾄ,ﾃﾞｰﾀ\nｱｲｳ,ｴｵ\n"],
    "euc-jp": ["名前,都市\n山田,東京\n"],
    "gb18030": ["姓名,城市\n张三,北京\n", "用户ID,手机号\n1,138\n"],
    "big5": ["姓名,城市\n王小明,台北\n", "編號,產品名稱\n1,蘋果\n"],
    "euc-kr": ["이름,도시\n김철수,서울\n", "상품코드,수량\n1,2\n"],
    "cp850": ["Größe;Straße\n1;2\n", "Prénom,Âge\nRené,12\n"],
    "cp437": ["Name;Ort\nMüller;Köln\n"],
    "cp852": ["Imię;Miasto\nŁukasz;Łódź\n"],
    "mac-roman": ["Größe;Straße\n1;2\n"],
    "cp1253": ["Όνομα;Πόλη\nΓιώργος;Αθήνα\n"],
    "cp1254": ["Adı;Şehir\nAyşe;İstanbul\n"],
    "cp1255": ["שם;עיר\nדוד;ירושלים\n"],
    "cp1256": ["الاسم;المدينة\nمحمد;القاهرة\n"],
    "cp874": ["ชื่อ,เมือง\nสมชาย,กรุงเทพ\n"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("codec", "text"), [(codec, text) for codec, texts in TEXTS.items() for text in texts]
)
def test_a_short_table_in_a_code_page_is_readable(codec: str, text: str) -> None:
    encoding = encoding_of(text.encode(codec))

    assert encoding.decode(text.encode(codec)) == text
    assert encoding.is_guessed


def test_ascii_and_utf_8_are_not_guessed() -> None:
    assert [encoding_of(text.encode()).name for text in ("a,b", "ä,b", "\ufeffä")] == ["utf-8"] * 3
    assert not encoding_of("ä".encode()).is_guessed


def test_a_truncated_last_character_is_no_error() -> None:
    encoding = encoding_of("ä,ö".encode()[:-1])

    assert (encoding.name, encoding.is_guessed) == ("utf-8", False)
    assert encoding.decode("ä,ö".encode()[:-1]) == "ä,"


@pytest.mark.parametrize("data", [b"", b"\0" * 100, bytes(range(256)), b"\x81" * 50])
def test_all_bytes_have_an_encoding_that_decodes_them(data: bytes) -> None:
    assert isinstance(encoding_of(data).decode(data), str)
