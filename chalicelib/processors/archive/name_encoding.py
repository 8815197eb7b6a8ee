"""Guesses the code page of names in an archive that does not declare one.

Each candidate decodes all names, and the most plausible text wins. Letters of one script and one
case are plausible; box-drawing characters inside a word are not.
"""

import re
import unicodedata
from collections.abc import Sequence

# Python's codecs. The first one wins unless another is clearly better: DOS and Windows use the code
# page of the console, Unix that of the locale.
_OF_DOS = ("cp437", "cp850", "cp1252", "cp852", "cp866", "cp1251", "cp1250", "cp737", "cp1253")
_OF_UNIX = ("cp1252", "cp1251", "cp1250", "cp1253", "cp437", "cp850", "cp852", "cp866", "cp737")
# Double-byte code pages: the lead bytes of frequent characters, and the most frequent characters.
_EASTERN = {
    "cp932": (
        range(0x88, 0x98),
        (
            "日本一人大年会中国出生時者地方見気学前後分東京名新写真料書資報告表計画明像編集語英議事録案件社員部長"
            "定内請求積仕様設図面契約研究用"
        ),
    ),
    "gbk": (
        range(0xB0, 0xD8),
        (
            "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后"
            "小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已动长知"
            "民样现分外高意进法实理美点月明全工话情部正名定问力机业最间新电第门相海口教平世信图片照件料资报告册"
            "书项目合表格测试档视频音乐"
        ),
    ),
    "big5": (
        range(0xA4, 0xC7),
        (
            "的一是不了人我在有他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可裡後"
            "小麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同圖片檔案資料"
            "報告書明表格議記錄照相測試"
        ),
    ),
    "cp949": (
        range(0xB0, 0xC9),
        (
            "이다는의에가을로고하지한기사도를서은시인대자어들리나라그과해정보일수부아전있적제여장것만원주동면조상"
            "게성화문구비교관소스트오마안용유회국경신생공우계연파음진명개방무선물체단심모실당업행분입중학위세역"
            "식양결현발금작반영표간법치운드르니터본크료류획글험테목록견"
        ),
    ),
}
_KANA = (0x81, 0x82, 0x83)  # lead bytes in cp932
_PUBLIC_NAMES = {"cp932": "shift_jis", "cp949": "euc_kr"}
_WORD = re.compile(r"[^\W\d_]+")
_MARKS = frozenset("¿¡“”„‘’‚–—…€°§©®«»·ºª№×´、。・「」『』（）［］【】～！？：；，－＿　")
_MOST_ACCENTS = 2  # in a word that has hardly any other letters
_FIRST_SECOND_BYTE = 0x40  # of a double-byte character
_UMLAUTS = frozenset("äöüÄÖÜßåÅ")  # typical names of people who test an archive
_CLEARLY = 0.05  # a difference in score that decides
_FEW = 4  # non-ASCII bytes: too few to overrule a code page that gives letters only


def guess(names: Sequence[bytes], *, is_unix: bool) -> str:
    """The codec that gives the most plausible names; the names are neither ASCII nor UTF-8."""
    candidates = _OF_UNIX if is_unix else _OF_DOS
    best, best_score = candidates[0], _score(names, candidates[0])
    is_enough = sum(not bytes([byte]).isascii() for name in names for byte in name) >= _FEW
    if best_score > 1 - _CLEARLY and not is_enough:
        return best
    for candidate in (*candidates[1:], *_EASTERN):
        score = _score(names, candidate)
        if score > best_score + _CLEARLY:
            best, best_score = candidate, score
    # The first code page for Unix has undefined bytes. The first one for DOS has none.
    return best if best_score >= 0 else _OF_DOS[0]


def known_name(codec: str) -> str:
    """The public name of a codec that `guess` returns."""
    return _PUBLIC_NAMES.get(codec, codec)


def has_two_bytes(codec: str) -> bool:
    """Whether the codec has double-byte characters, so that some names are also valid UTF-8."""
    return codec in _EASTERN


def _score(names: Sequence[bytes], codec: str) -> float:
    """From 0 to a little above 1; -1 if the names are not valid in this code page."""
    points = weight = 0.0
    for name in names:
        try:
            text = name.decode(codec)
        except UnicodeDecodeError:
            return -1
        for word in _WORD.findall(text):
            foreign = len(word) - sum(map(str.isascii, word))
            points += foreign * (_word_score(word, codec) if foreign else 0)
            weight += foreign
        for character in _WORD.sub("", text):
            weight += not character.isascii()
            points += 0.8 * (character in _MARKS)
    return points / weight if weight else 0


def _word_score(word: str, codec: str) -> float:
    scripts = {_script(character) for character in word}
    if codec in _EASTERN:
        return _eastern_score(word, codec)
    if len(scripts) > 1 or any(map(_changes_case, word, word[1:])):
        return 0.2
    foreign = sum(not character.isascii() for character in word)
    is_accents_alone = foreign > _MOST_ACCENTS and 3 * foreign > 2 * len(word)
    if "LATIN" in scripts and is_accents_alone and not _UMLAUTS.issuperset(word):
        return 0.3  # few words have so many accents
    return 1 if len(word) > 1 else 0.7


def _eastern_score(word: str, codec: str) -> float:
    frequent, most_frequent = _EASTERN[codec]
    foreign = [character for character in word if not character.isascii()]
    if len(foreign) == 1 and len(word) > 1:
        return 0.3  # one ideograph inside a Latin word
    points = 0.0
    for character in foreign:
        data = character.encode(codec)
        if character in most_frequent:
            points += 1.1  # unlikely by chance
        elif codec == "cp932" and data[0] in _KANA:
            points += 1
        elif len(data) > 1:
            points += 0.8 if data[0] in frequent and data[1] >= _FIRST_SECOND_BYTE else 0.3
    return points / len(foreign)


def _script(character: str) -> str:
    return unicodedata.name(character, "?").partition(" ")[0]


def _changes_case(first: str, second: str) -> bool:
    """Whether an upper-case letter follows a lower-case one, and one of them is not ASCII."""
    return first.islower() and second.isupper() and not (first + second).isascii()
