"""Which media types belong together, and which of them always show in the first bytes of a file.

Pure. All names are canonical, as `type_names.canonical` gives them.
"""

from fnmatch import fnmatchcase

ZIP = "application/zip"
OLE = "application/x-ole-storage"
# An encrypted Office document is an OLE storage with the type of the document.
OFFICE = (
    "application/vnd.openxmlformats-officedocument.", "application/vnd.ms-word.",
    "application/vnd.ms-excel.", "application/vnd.ms-powerpoint.", "application/vnd.ms-visio.",
)  # fmt: skip
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
PROGRAMS = frozenset({
    "application/vnd.microsoft.portable-executable", "application/x-executable",
    "application/x-mach-binary", "application/java-vm", "application/wasm",
    "application/vnd.appimage", "application/x-object", "application/x-sharedlib",
    "application/x-core", "application/x-coredump", "application/x-kernel-module",
    "application/x-python-bytecode", "application/vnd.android.dex", "application/x-llvm",
    "application/x-ms-shortcut", "application/x-sh", "application/x-bat", "application/x-perl",
    "application/x-ruby", "application/x-msdos-batch", "application/macbinary",
    "application/x-macbinary", "application/x-plugin", "application/x-efi-executable",
})  # fmt: skip
_TEXTS = frozenset({
    "application/json", "application/jsonl", "application/x-ndjson", "application/xml",
    "application/yaml", "application/toml", "application/sql", "application/x-subrip",
    "application/x-tex", "application/x-bibtex", "application/x-httpd-php", "application/rtf",
    "application/xml-dtd", "application/x-perl", "application/x-ruby", "application/x-sh",
    "application/graphql", "application/x-pem-file", "application/pem-certificate-chain",
    "application/mbox", "message/rfc822", "application/x-tcl", "application/x-awk",
    "application/x-bat", "application/x-desktop", "application/x-php", "application/ecmascript",
    "application/vnd.mozilla.xul+xml", "application/pgp-signature", "model/obj", "model/vrml",
})  # fmt: skip
_MEDIA = frozenset({"application/ogg", "application/mxf", "application/vnd.rn-realmedia"})
_FONTS = frozenset({"application/vnd.ms-fontobject"})
_DOCUMENTS = frozenset({"application/pdf", "application/postscript", "application/illustrator"})
_ZIPS = frozenset({
    ZIP, "application/java-archive", "application/vnd.android.package-archive",
    "application/epub+zip", "application/vnd.apple.pages", "application/vnd.apple.numbers",
    "application/vnd.apple.keynote", "application/vnd.ms-visio.drawing", "application/oxps",
    "application/vnd.ms-xpsdocument",
})  # fmt: skip
COMPRESSED = frozenset({
    "application/gzip", "application/x-bzip2", "application/x-xz", "application/zstd",
    "application/x-lz4", "application/lzip", "application/x-lzma", "application/x-compress",
    "application/x-tar", "application/x-lzop", "application/x-cpio",
})  # fmt: skip
_ARCHIVES = COMPRESSED | {
    "application/x-7z-compressed",
    "application/vnd.rar",
    "application/vnd.comicbook-rar",
}
_OLES = frozenset({
    OLE, "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook", "application/x-msi", "application/vnd.visio",
    "application/x-mspublisher",
})  # fmt: skip
_MEMBERS = {
    "text": _TEXTS,
    "program": PROGRAMS,
    "document": _DOCUMENTS,
    "media": _MEDIA,
    "font": _FONTS,
    "zip": _ZIPS,
    "ole": _OLES,
    "archive": _ARCHIVES,
}
_PATTERNS = (
    ("text", "*-flat-xml"),
    ("media", "audio/*"),
    ("media", "video/*"),
    ("font", "font/*"),
    ("font", "application/x-font-*"),
    ("zip", "*+zip"),
    ("zip", f"{_OOXML}*"),
    ("zip", f"{_ODF}*"),
    ("zip", "application/vnd.ms-*.macroenabled.12"),
    ("zip", "application/vnd.ms-visio.*"),
    ("image", "image/*"),
    ("text", "text/*"),
    ("text", "*+xml"),
    ("text", "*+json"),
    ("text", "*+yaml"),
)
# Families that cannot be confused: bytes of one do not fit a type of another.
DISTINCT = frozenset({"image", "media", "font", "document", "zip", "archive", "text"})
# Formats that always begin with a signature. A file without it has another format.
_SIGNED = frozenset({
    "image/png", "image/apng", "image/jpeg", "image/gif", "image/bmp", "image/webp", "image/tiff",
    "image/heic", "image/heif", "image/avif", "image/jp2", "image/jpx", "image/jxl",
    "image/vnd.adobe.photoshop", "image/vnd.microsoft.icon", "image/x-canon-cr2",
    "image/x-canon-cr3", "image/x-nikon-nef", "image/x-adobe-dng", "image/x-sony-arw",
    "image/x-dds", "image/x-exr",
    "video/mp4", "video/matroska", "video/webm", "video/x-msvideo", "video/x-flv", "video/ogg",
    "video/x-ms-wmv", "video/3gpp", "video/3gpp2", "application/mxf", "application/ogg",
    "audio/mp4", "audio/flac", "audio/wav", "audio/aiff", "audio/ogg", "audio/matroska",
    "audio/webm", "audio/midi", "audio/x-ms-wma",
    "font/woff", "font/woff2", "font/ttf", "font/otf", "font/collection",
    "application/pdf", "application/epub+zip", "application/java-archive",
    "application/x-7z-compressed", "application/gzip", "application/x-xz", "application/zstd",
    "application/x-bzip2", "application/vnd.rar",
    f"{_OOXML}wordprocessingml.document", f"{_OOXML}spreadsheetml.sheet",
    f"{_OOXML}presentationml.presentation", f"{_ODF}text", f"{_ODF}spreadsheet",
    f"{_ODF}presentation", f"{_ODF}graphics",
})  # fmt: skip
# A text never has one of these types, though not every file of them begins with a signature.
_NEVER_TEXT = _SIGNED | {
    ZIP, "audio/mpeg", "audio/aac", "video/mpeg", "video/quicktime", "video/mp2t", "audio/basic",
}  # fmt: skip
# Formats that begin alike: bytes that show the type on the left fit the types on the right.
_ALSO = {
    "image/png": ("image/apng",),
    "image/jpeg": (
        "video/x-mjpeg", "image/jls", "image/mpo", "image/x-mpo", "image/jps", "image/x-jps",
    ),
    "image/tiff": (
        "image/*", "image/x-nikon-nef", "image/x-adobe-dng", "image/x-sony-arw",
    ),
    "image/heic": ("image/heif", "image/hei?-sequence"),
    "image/heif": ("image/heic", "image/hei?-sequence", "image/avif"),
    "image/avif": ("image/avif-sequence", "image/heif"),
    "image/vnd.djvu": ("image/*djvu*",),
    "image/bmp": ("image/x-win-bitmap",),
    "image/vnd.microsoft.icon": ("image/x-win-bitmap",),
    "video/mp4": (
        "audio/mp4", "video/quicktime", "video/3gpp*", "audio/3gpp*", "video/iso.segment",
        "audio/vnd.*", "video/vnd.*",
    ),
    "audio/mp4": ("audio/aac", "audio/3gpp*", "audio/vnd.*"),
    "video/3gpp": ("audio/3gpp*", "video/3gpp2", "video/mp4", "audio/mp4"),
    "video/3gpp2": ("audio/3gpp*", "video/3gpp", "video/mp4"),
    "video/matroska": ("audio/matroska",),
    "audio/matroska": ("video/matroska",),
    "video/webm": ("audio/webm", "video/matroska", "audio/matroska"),
    "audio/webm": ("video/webm", "video/matroska", "audio/matroska"),
    "application/ogg": ("audio/*ogg", "video/*ogg", "audio/*speex", "application/*"),
    "audio/ogg": ("video/ogg", "application/ogg", "audio/*speex", "audio/*ogg"),
    "video/ogg": ("application/ogg", "video/*ogg"),
    "video/x-ms-asf": ("video/x-ms-*", "audio/x-ms-*", "video/x-ms-wmv", "audio/x-ms-wma"),
    "audio/mpeg": ("audio/mp*", "audio/x-mp*", "audio/aac"),
    "audio/midi": ("audio/x-rmid",),
    "audio/amr": ("audio/3gpp", "video/3gpp"),
    "application/vnd.rn-realmedia": ("audio/*", "video/*"),
    "audio/x-pn-realaudio": ("audio/*real*",),
    "video/mpeg": ("audio/mpeg",),
    "font/ttf": ("font/otf", "font/collection"),
    "font/otf": ("font/ttf",),
    "application/gzip": ("image/svg+xml", "image/*gzip*", "image/x-emz", "image/x-wmz"),
    "application/vnd.rar": ("application/vnd.comicbook-rar",),
    "application/pdf": ("application/illustrator",),
    "application/postscript": ("application/illustrator", "image/*", "application/x-font-*"),
}  # fmt: skip


def family(content_type: str) -> str | None:
    """The family of a type; None for the many types that cannot deceive anybody."""
    exact = next((name for name, types in _MEMBERS.items() if content_type in types), None)
    name = content_type.lower()
    return exact or next(
        (family for family, pattern in _PATTERNS if fnmatchcase(name, pattern)), None
    )


def has_signature(content_type: str) -> bool:
    """Whether every file of this type begins with a signature that `sniffing` knows."""
    return content_type in _SIGNED


def is_never_text(content_type: str) -> bool:
    """Whether no text can be a file of this type."""
    return content_type in _NEVER_TEXT


def is_also(evident: str, claimed: str) -> bool:
    """Whether bytes that show one type fit a claimed one too.

    A pattern does not match formats that have a signature of their own.
    """
    names = _ALSO.get(evident, ())
    return (
        claimed == evident
        or claimed in names
        or (claimed not in _SIGNED and any(fnmatchcase(claimed, name) for name in names))
    )
