"""Programs for every platform by Zig's C compiler; fonts, keys, web archives."""

import io
import py_compile
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import pkcs12
from files import File, Files, Names
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.ttCollection import TTCollection
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

_SOURCE = "int add(int a, int b) { return a + b; }\nvoid _start(void) {}\nvoid start(void) {}\n"
# Zig's target, our format, the extension, and how it is linked.
TARGETS = [
    ("x86_64-linux", "elf", "elf", "-nostdlib -static"), ("x86_64-linux", "elf", "o", "-c"),
    ("x86_64-linux", "elf", "so", "-nostdlib -shared"), ("aarch64-linux", "elf", "bin", "-nostdlib"),
    ("arm-linux", "elf", "axf", "-nostdlib"), ("riscv64-linux", "elf", "so.1", "-nostdlib -shared"),
    ("x86-linux", "elf", "run", "-nostdlib"), ("powerpc64le-linux", "elf", "ko", "-c"),
    ("mips-linux", "elf", "o", "-c"), ("s390x-linux", "elf", "o", "-c"),
    ("x86_64-freebsd", "elf", "o", "-c"),
    ("x86_64-windows", "pe", "exe", "-nostdlib -Wl,-e,_start"),
    ("x86-windows", "pe", "exe", "-nostdlib -Wl,-e,start"),
    ("aarch64-windows", "pe", "dll", "-nostdlib -shared -Wl,-e,_start"),
    ("x86_64-windows", "pe", "pyd", "-nostdlib -shared -Wl,-e,_start"),
    ("x86_64-windows", "coff", "obj", "-c"),
    ("x86_64-macos", "macho", "dylib", "-nostdlib -shared"), ("aarch64-macos", "macho", "o", "-c"),
    ("x86_64-macos", "macho", "bundle", "-c"),
    ("wasm32-freestanding", "wasm", "wasm", "-nostdlib -Wl,--no-entry -Wl,--export=add"),
    ("wasm32-freestanding", "wasm", "wasm", "-c"),
]  # fmt: skip


def compiled(names: Names) -> Files:
    """Linux, Windows, macOS, FreeBSD and WebAssembly, by Zig; Python's own byte code."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "a.c")
        source.write_text(_SOURCE)
        for target, name, extension, options in TARGETS:
            out = Path(folder, "out")
            zig = [sys.executable, "-m", "ziglang", "cc", "-target", target, *options.split()]
            done = subprocess.run(
                [*zig, "-s", "-Os", "-g0", "-o", out, source],
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                print("Zig cannot:", target, options, done.stderr[-300:])
                continue
            yield File(name, names(extension), out.read_bytes(), f"Zig {target} {options}")
            out.unlink()
        module = Path(folder, "a.py")
        module.write_text("a = 1\n")
        by_hash = py_compile.PycInvalidationMode.CHECKED_HASH
        for optimize in (0, 1, 2):
            bytecode = py_compile.compile(str(module), optimize=optimize, invalidation_mode=by_hash)
            yield File(
                "pyc", names("pyc"), Path(str(bytecode)).read_bytes(), f"py_compile {optimize}"
            )


def _font(*, postscript: bool) -> TTFont:
    """A font with one square."""
    builder = FontBuilder(1000, isTTF=not postscript)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({65: "A"})
    pen: Any = T2CharStringPen(600, None) if postscript else TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 500), (500, 500), (500, 0)):
        pen.lineTo(corner)
    pen.closePath()
    if postscript:
        shapes = {".notdef": pen.getCharString(), "A": pen.getCharString()}
        builder.setupCFF("Hoist", {}, shapes, {})
    else:
        glyph = pen.glyph()
        builder.setupGlyf({".notdef": glyph, "A": glyph})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "A": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Größe", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.setupHead(unitsPerEm=1000, created=3_800_000_000, modified=3_800_000_000)
    return builder.font


def fonts(names: Names) -> Files:
    """Fonts, by fontTools."""
    for postscript in (False, True):
        for flavor in (None, "woff", "woff2"):
            for _ in range(2):
                font = _font(postscript=postscript)
                font.flavor = flavor
                font.recalcTimestamp = False
                out = io.BytesIO()
                font.save(out)
                extension = flavor or ("otf" if postscript else "ttf")
                yield File(extension, names(extension), out.getvalue(), "fontTools")
    collection = TTCollection()
    collection.fonts = [_font(postscript=False), _font(postscript=False)]
    out = io.BytesIO()
    collection.save(out)
    yield File("ttc", names("ttc"), out.getvalue(), "fontTools, a collection")


def keys(names: Names) -> Files:
    """Certificates and keys by cryptography.

    The key comes from a fixed seed and protects nothing.
    """
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Größe")])
    begin, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2034, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begin, end)
        .sign(key, None)
    )  # fmt: skip
    crl = x509.CertificateRevocationListBuilder(name, begin, end).sign(key, None)
    request = x509.CertificateSigningRequestBuilder(name).sign(key, None)
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    for extension in ("crt", "cer", "der"):
        yield File("der", names(extension), certificate.public_bytes(der), "cryptography")
    for extension in ("pem", "crt"):
        yield File("pem", names(extension), certificate.public_bytes(pem), "cryptography")
    yield File("crl", names("crl"), crl.public_bytes(der), "cryptography")
    for encoding in (pem, der):
        yield File("csr", names("csr"), request.public_bytes(encoding), "cryptography")
        yield File("csr", names("p10"), request.public_bytes(encoding), "cryptography")
    bare = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, bare)
    yield File("key", names("key"), private, "cryptography")
    public = serialization.PublicFormat
    ssh = key.public_key().public_bytes(serialization.Encoding.OpenSSH, public.OpenSSH)
    yield File("sshkey", names("pub"), ssh + b" anna@example.org\n", "cryptography")
    packed = pkcs12.serialize_key_and_certificates(b"a", key, certificate, None, bare)
    for extension in ("p12", "pfx"):
        yield File("p12", names(extension), packed, "cryptography")
    assert hashes.SHA256.digest_size == len(certificate.fingerprint(hashes.SHA256()))


def kept_pages(names: Names) -> Files:
    """Web archives, by warcio."""
    for packed in (False, True):
        out = io.BytesIO()
        writer = WARCWriter(out, gzip=packed)
        status = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
        record = writer.create_warc_record(
            "https://example.org/", "response", payload=io.BytesIO(b"<html>"), http_headers=status,
            warc_headers_dict={"WARC-Date": "2024-01-01T00:00:00Z", "WARC-Record-ID": "<urn:uuid:1>"},
        )  # fmt: skip
        writer.write_record(record)
        extension = "warc.gz" if packed else "warc"
        yield File("gz" if packed else "warc", names(extension), out.getvalue(), "warcio")


MAKERS = (compiled, fonts, keys, kept_pages)
