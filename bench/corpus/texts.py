"""Texts: tables, notes, subtitles and logs in many encodings, and programs in many languages."""

import email.message
import email.mime.multipart
import email.mime.text
import json
import mailbox
import plistlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import icalendar
import pandas
import polib
import pygments
import pysubs2
import tomli_w
import vobject
import yaml
from feedgen.feed import FeedGenerator
from files import File, Files, Names
from lxml import etree
from pygments.formatters import get_formatter_by_name
from pygments.lexers import PythonLexer

# A sentence, its usual encodings, and the name of a table's second column.
SENTENCES = [
    ("Die Größe ist nicht schlecht – für’s Büro.", "Größe", "cp1252 utf-8 utf-8-sig utf-16 utf-32"),
    ("Déjà vu, l'été où ça skip le café.", "Âge", "latin-1 iso8859-15 cp850 mac_roman cp437"),
    ("Привет, как дела?", "Имя", "cp1251 koi8-r iso8859-5 cp866 utf-16-le mac_cyrillic"),
    ("Zażółć gęślą jaźń.", "Imię", "cp1250 iso8859-2 cp852"),
    ("こんにちは、世界。表示の予定", "名前", "shift_jis euc_jp iso2022_jp cp932 utf-16-be"),
    ("你好,世界。软件免费", "名称", "gb18030 gbk gb2312 big5 hz"),
    ("안녕하세요 세계", "이름", "euc_kr cp949 johab"),
    ("Γεια σου Κόσμε", "Όνομα", "cp1253 iso8859-7 cp737"),
    ("שלום עולם", "שם", "cp1255 iso8859-8"),
    ("مرحبا بالعالم می‌خواهم", "اسم", "utf-8 utf-8-sig utf-16"),
    ("สวัสดีชาวโลก", "ชื่อ", "cp874 tis-620"),
    ("Merhaba dünya, şöyle ığdır.", "İsim", "cp1254 iso8859-9"),
    ("Xin chào thế giới 👩‍💻 🪿", "Tên", "utf-8 cp1258 utf-16"),
    ("Łódź kö\u00adnig \ue000 end\x1a", "x", "utf-8"),
]
# First words that are also a signature of another format.
FIRST_WORDS = (
    "BM BMI MZ P1 P2;P3 if ID;Name free skip wide moov GIF89 RIFF FORM FWS OggS PK Rar II* MM "
    "function import record begin --- *** %!x #!x {0} <b>name</b> Summary: BZh9 FLV ID3 MThd DDS 8BPS "
    "fLaC caff true LIST JFIF SIMPLE #define From: Received: 0x89PNG %PDFs IHDR ftyp @echo REGEDIT"
).split()


def encoded(names: Names) -> Files:
    """Each sentence as a note, a table, a tab-separated table, subtitles and a log."""
    for sentence, column, encodings in SENTENCES:
        for encoding in encodings.split():
            clean = "".join(
                c for c in sentence if c.encode(encoding, "ignore").decode(encoding, "ignore") == c
            )
            title = column if column.encode(encoding, "ignore") else "x"
            rows = "".join(f"{n};{clean}\r\n" for n in range(3))
            cues = f"1\n00:00:01,000 --> 00:00:02,000\n{clean}\n\n"
            for name, extension, text in (
                ("txt", "txt", f"{clean}\n{clean}\n"),
                ("csv", "csv", f"ID;{title}\r\n{rows}"),
                ("srt", "srt", cues),
            ):
                data = text.encode(encoding, "ignore")
                yield File(name, names(extension), data, f"Python's {encoding}")


def misleading(names: Names) -> Files:
    """Texts that begin with the signature of another format, half of them in Windows-1252."""
    for number, word in enumerate(FIRST_WORDS):
        encoding = ("utf-8", "cp1252")[number % 2]
        table = f"{word};Größe;Ort\n1;22,1;Köln\n2;3;Bonn\n".encode(encoding)
        yield File("csv", names("csv"), table, f"a table that begins with {word}, {encoding}")
        note = f"{word} ist der Anfang.\nSchöne Grüße\n".encode(encoding)
        yield File("txt", names("txt"), note, f"a note that begins with {word}, {encoding}")


def tables(names: Names) -> Files:
    """Pandas's text output."""
    frame = pandas.DataFrame({"id": [1, 2], "title": ['say "hi"', "a,b\nc"], "größe": [1.5, None]})
    for options in (
        {},
        {"sep": ";", "decimal": ","},
        {"sep": "|"},
        {"quoting": 1},
        {"header": False},
    ):
        data = frame.to_csv(index=False, **options).encode()
        yield File("csv", names("csv"), data, f"pandas {options}")
        with_mark = b"sep=;\r\n" + data if options.get("sep") == ";" else data
        yield File("csv", names("csv"), b"\xef\xbb\xbf" + with_mark, f"pandas {options}, BOM")
    for quoting in (0, 1):
        data = frame.to_csv(sep="\t", quoting=quoting, index=False).encode()
        for extension in ("tsv", "tab"):
            yield File("tsv", names(extension), data, f"pandas, tabs {quoting}")
    for lines in (False, True):
        data = frame.to_json(orient="records", lines=lines, force_ascii=False).encode()
        for extension in ("jsonl", "ndjson") if lines else ("json",):
            yield File("jsonl" if lines else "json", names(extension), data, "pandas")
    for indent in (None, 2):
        for value in ({"a": [1, 2]}, [], "text", 1.5, None, {"html": "<script>"}):
            data = json.dumps(value, indent=indent).encode()
            yield File("json", names("json"), data, f"json, indent {indent}")
    yield File("html", names("html"), frame.to_html().encode(), "pandas")
    yield File("xml", names("xml"), frame.to_xml(index=False).encode(), "pandas")
    yield File("markdown", names("md"), frame.to_string().encode(), "pandas")


def settings(names: Names) -> Files:
    """Settings and lists: YAML, TOML, INI, property lists, manifests, playlists."""
    value = {"name": "Größe", "items": [1, 2, {"a": "b"}], "record": {"begin": True}}
    for options in ({}, {"explicit_start": True}, {"default_flow_style": True}):
        for extension in ("yaml", "yml"):
            data = yaml.safe_dump(value, allow_unicode=True, **options).encode()
            yield File("yaml", names(extension), data, f"PyYAML {options}")
    yield File("toml", names("toml"), tomli_w.dumps(value).encode(), "tomli-w")
    yield File("plist", names("plist"), plistlib.dumps(value), "plistlib")
    binary = plistlib.dumps(value, fmt=plistlib.FMT_BINARY)
    yield File("bplist", names("plist"), binary, "plistlib, binary")
    manifest = json.dumps({"name": "a", "icons": [{"src": "a.svg"}]}).encode()
    yield File("webmanifest", names("webmanifest"), manifest, "json")
    har = json.dumps({"log": {"version": "1.2", "entries": []}}).encode()
    yield File("har", names("har"), har, "json")
    for name, extension, text in (
        ("ini", "ini", "[record]\nname = Größe\n"), ("ini", "cfg", "[a]\nb: <c>\n"),
        ("ini", "conf", "# a\nListen 80\n"), ("properties", "properties", "# x\na=b\nfree=yes\n"),
        ("m3u", "m3u", "#EXTM3U\n#EXTINF:1,a\na.mp3\n"), ("pls", "pls", "[playlist]\nFile1=a.mp3\n"),
        ("m3u", "m3u8", "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\na.ts\n"),
        ("cue", "cue", 'FILE "a.wav" WAVE\n  TRACK 01 AUDIO\n'), ("lrc", "lrc", "[00:01.00]Grüße\n"),
        ("diff", "diff", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+ü\n"),
        ("diff", "patch", "From 12ab Mon Sep 17\nSubject: x\n\n---\n x | 1 +\n"),
        ("log", "log", "2024-01-01 00:00:00 INFO free <b>memory</b>\n" * 20),
        ("log", "log", "*** started\n127.0.0.1 - - [01/Jan/2024] \"GET / HTTP/1.1\" 200 5\n"),
        ("xspf", "xspf", '<?xml version="1.0"?>\n<playlist xmlns="http://xspf.org/ns/0/"/>\n'),
        ("sub", "sub", "{0}{25}Grüße\n{26}{50}<i>a</i>\n"),
        ("ris", "ris", "TY  - JOUR\nAU  - Müller\nER  - \n"),
    ):  # fmt: skip
        yield File(name, names(extension), text.encode(), "written by hand")
        data = text.replace("\n", "\r\n").encode("cp1252")
        yield File(name, names(extension), data, "written by hand, Windows")


def marked_up(names: Names) -> Files:
    """XML by lxml and feedgen, subtitles by pysubs2, highlighted text by Pygments."""
    for encoding in ("utf-8", "iso-8859-1", "utf-16"):
        root = etree.Element("catalog")
        etree.SubElement(root, "svg").text = "Größe <script>"
        for doctype in (None, "<!DOCTYPE catalog>"):
            data = etree.tostring(root, xml_declaration=True, encoding=encoding, doctype=doctype)
            yield File("xml", names("xml"), data, f"lxml {encoding}")
        schema = etree.Element("{http://www.w3.org/2001/XMLSchema}schema")
        data = etree.tostring(schema, xml_declaration=True, encoding=encoding)
        yield File("xsd", names("xsd"), data, f"lxml {encoding}")
    feed = FeedGenerator()
    feed.id("https://example.org")
    feed.title("Größe")
    feed.link(href="https://example.org")
    feed.description("<svg> &lt;script&gt;")
    for pretty in (False, True):
        yield File("rss", names("rss"), feed.rss_str(pretty=pretty), "feedgen")
        yield (
            File("rss", names("xml"), feed.rss_str(pretty=pretty), "feedgen")
            if pretty
            else File("atom", names("atom"), feed.atom_str(pretty=pretty), "feedgen")
        )
    cues = pysubs2.SSAFile.from_string("1\n00:00:01,000 --> 00:00:02,000\nGrüße <i>a</i>\n\n")
    for kind, name, extension in (
        ("srt", "srt", "srt"), ("vtt", "vtt", "vtt"), ("ass", "ass", "ass"), ("ssa", "ass", "ssa"),
        ("ttml", "ttml", "ttml"), ("microdvd", "sub", "sub"), ("tmp", "txt", "txt"),
    ):  # fmt: skip
        text = cues.to_string(kind, fps=25)
        for encoding in ("utf-8", "utf-8-sig", "cp1252"):
            yield File(name, names(extension), text.encode(encoding), f"pysubs2 {encoding}")
    for kind, name, extension in (
        ("html", "html", "html"), ("latex", "tex", "tex"), ("rtf", "rtf", "rtf"),
        ("svg", "svg", "svg"), ("terminal", "log", "log"), ("terminal256", "log", "log"),
        ("irc", "txt", "txt"), ("bbcode", "txt", "txt"), ("raw", "txt", "txt"),
    ):  # fmt: skip
        formatter = get_formatter_by_name(kind, **({"full": True} if kind != "svg" else {}))
        code = pygments.highlight("import a\nprint('<b>')\n", PythonLexer(), formatter)
        data = code if isinstance(code, bytes) else code.encode()
        yield File(name, names(extension), data, f"Pygments {kind}")


def emails(names: Names) -> Files:
    """Mail, calendars, cards, translations."""
    for subtype in ("plain", "html"):
        for charset in ("us-ascii", "utf-8", "iso-8859-1"):
            message = email.mime.text.MIMEText("<p>The free version</p>", subtype, charset)
            message["From"], message["To"] = "a@example.org", "b@example.org"
            message["Subject"] = "Größe"
            yield File("eml", names("eml"), message.as_bytes(), f"email {subtype} {charset}")
    parts = email.mime.multipart.MIMEMultipart("related", boundary="=-=")
    parts["Subject"] = "Page"
    parts.attach(email.mime.text.MIMEText("<html><body>hi", "html", "utf-8"))
    yield File("mhtml", names("mhtml"), parts.as_bytes(), "email, related")
    received = b"Received: from a by b\r\nReturn-Path: <a@example.org>\r\n"
    yield File("eml", names("eml"), received + message.as_bytes(), "email, received")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "box")
        box = mailbox.mbox(path)
        box.add(mailbox.mboxMessage(message))
        box.close()
        sender = path.read_bytes().split(b"\n", 1)[1]
        mail = b"From a@example.org Mon Jan  1 00:00:00 2024\n" + sender
        yield File("mbox", names("mbox"), mail, "mailbox")
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Hoist//corpus//")
    calendar.add("version", "2.0")
    event = icalendar.Event()
    event.add("summary", "Größe")
    calendar.add_component(event)
    for extension in ("ics", "ifb"):
        yield File("ics", names(extension), calendar.to_ical(), "icalendar")
    for version in ("vCard", "iCalendar"):
        card = vobject.vCard() if version == "vCard" else vobject.iCalendar()
        if version == "vCard":
            card.add("n").value = vobject.vcard.Name(family="Müller", given="Anna")
            card.add("fn").value = "Anna Müller"
        kind = "vcf" if version == "vCard" else "ics"
        yield File(kind, names(kind), card.serialize().encode(), f"vobject {version}")
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    catalogue.append(polib.POEntry(msgid="size", msgstr="Größe"))
    yield File("po", names("po"), str(catalogue).encode(), "polib")
    yield File("po", names("pot"), str(catalogue).encode(), "polib")
    yield File("mo", names("mo"), catalogue.to_binary(), "polib")


def programs(names: Names) -> Files:
    """Programs in 50 languages, each in three encodings or with another first line."""
    for path, text in _sources():
        name, extension = path.split(" ")
        for note, data in (
            ("UTF-8", text.encode()),
            ("Windows-1252", text.replace("\n", "\r\n").encode("cp1252", "ignore")),
        ):
            yield File(name, names(extension), data, f"written by hand, {note}")


def _sources() -> Iterator[tuple[str, str]]:
    """The format, the extension, and the text of `sources.txt`, whose headings begin with `=== `."""
    text = Path(__file__).with_name("sources.txt").read_text(encoding="utf-8")
    for section in text.split("=== ")[1:]:
        heading, _, source = section.partition("\n")
        yield heading, source


MAKERS = (encoded, misleading, tables, settings, marked_up, emails, programs)
