"""Guesses the encoding of a text that may be in a legacy code page, and marks it as a guess.

Pure. Bytes that are not Unicode are decoded in each code page. The right code page gives words with
the letters of one language, mostly the frequent ones. Names are those of
https://encoding.spec.whatwg.org if it has one.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib import text_encoding

_MAX_GUESSED = 16 * 1024  # bytes that are decoded in each code page
_MAX_CHARACTERS = 1500  # non-ASCII characters that are scored
_NAMES = {
    "utf-8-sig": "utf-8", "utf-16-le": "utf-16le", "utf-16-be": "utf-16be",
    "utf-32-le": "utf-32le", "utf-32-be": "utf-32be",
}  # fmt: skip

# Non-ASCII letters, the most frequent first, of languages that share a code page.
_GERMAN, _FRENCH = "üäößÄÜÖ", "éèàçêôâîûùëïœÉÀÈÇÊÔÎŒ"
_SPANISH, _PORTUGUESE = "óíáéñúüÁÓÍÉÑÚ¿¡ªº", "ãçáéíóêúâôõàÃÇÁÉÍÓÊÚªº"
_ITALIAN, _CATALAN = "àèìòùéÀÈÒ", "óàèéíçúòïüÀÈ"
_DANISH, _SWEDISH, _ICELANDIC = "øåæØÅÆé", "äöåÄÖÅé", "íáðéóþæöúýÍÁÞÓÖÚÆ"
_POLISH, _CZECH = "łąęóżśćńźŁŚŻÓĆŹĄĘ", "íáéěýřžčšůúťďňóČŠŘŽÚÍÁÝ"
_HUNGARIAN, _ROMANIAN = "éáöóőüúűíÉÁÖÜÓŐ", "ăîâşţțșÎŞŢÂĂ"
_CROATIAN, _SLOVAK = "čšžćđČŠŽĆĐ", "áíéýčžšúťľôäňďŕČŠŽÚĽ"
_TURKISH, _ESTONIAN = "ıişüçğöİŞÇÜĞÖâ", "äõüöšž"
_LATVIAN, _LITHUANIAN = "āīēšūņļžģčķ", "ėšųžąįūčę"
_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_UKRAINIAN = "оаниівтерслкумдпяьзбгйчхцїжшющєфґ"
_GREEK = "ατοιενσρκπηςμυλίάόγήέδθώχύφβξζψ"
_HEBREW = "יוהלאתרמבשנחדקעספכגםטצזןץךף"
_ARABIC = "اليمنرتوبةسدعفقحكهجشصطخذضزءغىثأإئظؤآ"
_THAI = "านรอกเงทมยลวดสตะบคปแจพหใไขชถผซศธัี่้์ิืุูำ็ึ"
_KANA = "".join(map(chr, [*range(0x3041, 0x3094), *range(0x30A1, 0x30F7)])) + "ー・、。「」"
_JAPANESE = (
    "日本年月人名前大国会中出上生東京県市町区住所番号電話時間金額商品数量価格合計社員部長担当"
    "備考種類状態件内容平成令和昭和郵便氏性別男女年齢登録更新開始終了場店舗売在庫入力注文発送請求書新"
    "山田川村木林佐藤鈴高橋渡辺伊小野阪府北南西学校教科試験点気温度使用方法場合行分回目的一二三四五六七八九十"
)
_CHINESE = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "姓名年龄性别日期城市地址电话编号数量价格金额单位类型状态备注时间产品订单客户公司北京上海广州深圳男女张李王刘陈杨赵"
    "黄周吴徐孙胡朱高林何郭马省县区路工资部门职务销售收入总计合名称标题内容序号描述代码"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
    "用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實"
    "姓名年齡性別日期城市地址電話編號數量價格金額單位類型狀態備註時間產品訂單客戶公司臺台北灣香港男女張李王劉陳楊趙"
    "黃周吳徐孫胡朱高林何郭馬省縣區路工資部門職務銷售收入總計合名稱標題內容序號描述代碼"
)
_KOREAN = (
    "이다는에의가을하고로한지도를은기사나인서자리어대시아정부해일수스전제그보상주라성장원구조소동니과여만들적유무선"
    "있것게면신공경안비세미우연계화용물국문세마교진회생식관요입년월날짜이름도시주소번호전화금액수량상품가격합계성별나이서울산김박최강윤임오"
)
_SYMBOLS = "°§€£©®µ²³–—„“”’‘…«»·½¼¾±×º\u00a0№•™、。，：（）「」・《》"
_LONG_ALPHABET = 14  # letters: in a shorter alphabet, none is rare
_APOSTROPHES = "’\u00ad"


@dataclass(frozen=True, slots=True)
class _CodePage:
    """A code page: its name, the alphabets of its languages, and its initial score.

    `bonus` is higher for widespread code pages. It decides if the letters do not.
    """

    name: str
    alphabets: tuple[str, ...]
    bonus: float = 0.0


_WESTERN = (
    _GERMAN, _FRENCH, _SPANISH, _PORTUGUESE, _ITALIAN, _CATALAN, _DANISH, _SWEDISH, _ICELANDIC,
)  # fmt: skip
_EASTERN = (_POLISH, _CZECH, _HUNGARIAN, _ROMANIAN, _CROATIAN, _SLOVAK, _GERMAN)
_CYRILLIC = (_RUSSIAN, _UKRAINIAN)
_CODE_PAGES = (
    _CodePage("windows-1252", _WESTERN, 0.2),
    _CodePage("windows-1251", _CYRILLIC, 0.15),
    _CodePage("windows-1250", _EASTERN, 0.1),
    _CodePage("iso-8859-2", _EASTERN, 0.05),
    _CodePage("koi8-r", _CYRILLIC, 0.1),
    _CodePage("ibm866", _CYRILLIC),
    _CodePage("iso-8859-5", _CYRILLIC),
    _CodePage("x-mac-cyrillic", _CYRILLIC),
    _CodePage("ibm850", _WESTERN, 0.02),
    _CodePage("ibm437", _WESTERN),
    _CodePage("ibm852", _EASTERN),
    _CodePage("macintosh", _WESTERN),
    _CodePage("windows-1253", (_GREEK,)),
    _CodePage("windows-1254", (_TURKISH,)),
    _CodePage("windows-1255", (_HEBREW,)),
    _CodePage("windows-1256", (_ARABIC,)),
    _CodePage("windows-1257", (_LITHUANIAN, _LATVIAN, _ESTONIAN)),
    _CodePage("windows-874", (_THAI,)),
    _CodePage("shift_jis", (_KANA + _JAPANESE,)),
    _CodePage("euc-jp", (_KANA + _JAPANESE,)),
    _CodePage("gb18030", (_CHINESE,), 0.1),
    _CodePage("big5", (_TRADITIONAL,)),
    _CodePage("euc-kr", (_KOREAN,)),
)
# Python's codec names where they differ.
_CODECS = {
    "macintosh": "mac-roman", "x-mac-cyrillic": "mac-cyrillic", "windows-874": "cp874",
    "shift_jis": "cp932", "euc-kr": "cp949", "big5": "cp950",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding's public name, Python's codec for it, and whether it was guessed."""

    name: str
    codec: str
    is_guessed: bool = False

    def decode(self, head: bytes) -> str:
        """The text of the first bytes, whose last character may be cut off."""
        return codecs.getincrementaldecoder(self.codec)("replace").decode(head)


def encoding_of(head: bytes) -> Encoding:
    """The encoding of the text that begins with `head`; a guess if it is not Unicode."""
    if head.isascii() and b"\0" not in head:
        return Encoding("utf-8", "utf-8-sig")
    codec = text_encoding.encoding_of(head) or _encoding_of_mark(head)
    if codec is None and _is_nearly_utf_8(head):
        codec = "utf-8"
    if codec is None:
        name = _guess(head)
        return Encoding(name, _CODECS.get(name, name), is_guessed=True)
    if codec in ("utf-16", "utf-32"):
        little = head.startswith(codecs.BOM_UTF16_LE)
        return Encoding(f"{codec}{'le' if little else 'be'}", codec)
    return Encoding(_NAMES.get(codec, codec), "utf-8-sig" if codec == "utf-8" else codec)


def _encoding_of_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark declares, for text with rare characters."""
    for mark, codec in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(mark):
            try:
                codecs.getincrementaldecoder(codec)().decode(head)
            except UnicodeDecodeError:
                return None
            return codec
    return None


def _is_nearly_utf_8(head: bytes) -> bool:
    """Whether nearly all non-ASCII bytes are valid UTF-8."""
    text = head.decode("utf-8-sig", "replace")
    unreadable = text.count("\ufffd")
    return sum(not line.isascii() and len(_beyond_ascii(line)) for line in text.splitlines()) >= (
        10 * unreadable
    )


def _beyond_ascii(line: str) -> str:
    return "".join(character for character in line if character > "\x7f")


def _guess(head: bytes) -> str:
    """The name of the code page that gives the most probable words."""
    lines = [line for line in head.splitlines() if not line.isascii()]
    sample = b"\n".join(lines)[:_MAX_GUESSED]
    return max(_CODE_PAGES, key=lambda page: _score(sample, page)).name


def _score(sample: bytes, page: _CodePage) -> float:
    """The score of a text in a code page: at most 2 for its letters, plus the page's bonus."""
    codec = codecs.getincrementaldecoder(_CODECS.get(page.name, page.name))("replace")
    text = f"\n{codec.decode(sample)}\n"
    places = [at for at, character in enumerate(text) if character > "\x7f"][:_MAX_CHARACTERS]
    if not places:
        return -10
    triples = [text[at - 1 : at + 2] for at in places]
    context = sum(map(_context, triples))
    letters = "".join(triple[1] for triple in triples).lower()
    letters_of_page = frozenset("".join(page.alphabets).lower())
    best = max(
        sum(_weights(letters, alphabet.lower(), letters_of_page, page.name))
        for alphabet in page.alphabets
    )
    return (best + context) / len(places) + page.bonus


def _weights(
    letters: str, alphabet: str, letters_of_page: frozenset[str], page: str
) -> Iterator[float]:
    """The score of each character for one language, at most 2 for its most frequent letter."""
    is_ideographic = page in _COMMON_LEADS
    alphabet = "".join(dict.fromkeys(alphabet))
    ranks = {
        letter: 2 - 1.5 * at / max(len(alphabet), _LONG_ALPHABET)
        for at, letter in enumerate(alphabet)
    }
    for letter in letters:
        if letter in ranks:
            yield 1.5 if is_ideographic else ranks[letter]
        elif letter in _SYMBOLS:
            yield 1.0
        elif is_ideographic:
            yield 0.7 if _is_common(letter, page) else -1.5
        elif letter in letters_of_page:
            yield -0.3
        else:
            yield -2 if letter.isalpha() else -4 if "\x80" <= letter < "\xa0" else -1.5


# Lead bytes of frequent characters: level 1 of each standard, and Korean syllables.
_COMMON_LEADS = {
    "shift_jis": (0x88, 0x98), "euc-jp": (0xB0, 0xCF), "gb18030": (0xB0, 0xD7),
    "big5": (0xA4, 0xC6), "euc-kr": (0xB0, 0xC8),
}  # fmt: skip


def _is_common(letter: str, page: str) -> bool:
    first, last = _COMMON_LEADS[page]
    try:
        encoded = letter.encode(_CODECS.get(page, page))
    except UnicodeEncodeError:
        return False
    return len(encoded) == 2 and first <= encoded[0] <= last and encoded[1] >= 0x40


def _context(triple: str) -> float:
    """A penalty for an implausible character between its neighbours: 0 or negative."""
    before, letter, after = tuple(triple)
    if letter == "\ufffd":
        return -4
    if "\uff61" <= letter <= "\uff9f":  # half-width Japanese comes in words
        return 3 if any("\uff61" <= other <= "\uff9f" for other in (before, after)) else 0
    if letter > "\u2e7f":
        return -1.5 * sum("a" <= other <= "z" for other in (before, after))
    if not letter.isalpha():
        is_joining = letter in _APOSTROPHES or (letter == "·" and before in "lL")
        between = before.isalpha() and after.isalpha() and not is_joining
        return -3 if between and letter in _SYMBOLS else 0
    is_alone = not (before.isalpha() or after.isalpha())
    wrong = -1.0 if is_alone and (letter > "\u024f" or letter.isupper()) else 0.0
    if letter.isupper() and before.isalpha():
        wrong -= 3 if before.islower() else 0.3
    if letter > "\u024f":
        return wrong - 3 * any(other.isascii() and other.isalpha() for other in (before, after))
    return wrong - 1.5 * (before > "\x7f" and after > "\x7f")
