"""The formats of the corpus: their right types, and the types that systems declare for them.

There is one format on a line: its name and its right types. Then come the vague or wrong types that
browsers on Windows, macOS and Linux declare, and further types that are right without a useful
declaration.
"""

from dataclasses import dataclass

# No type: Windows, for an extension that is not in its registry. The other one: curl, S3 tools.
UNDECLARED = ("", "application/octet-stream")
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."


@dataclass(frozen=True)
class Format:
    """The right types of one format, and the types that are declared for it."""

    right: frozenset[str]
    declared: tuple[str, ...]
    vague: frozenset[str]

    def answers(self, declared: str) -> frozenset[str]:
        """The right types for a file with this declared type."""
        return self.right if declared in self.right else self.right | self.vague


_TABLE = """
png: image/png
apng: image/png image/apng image/vnd.mozilla.apng
jpeg: image/jpeg | image/pjpeg | image/pjpeg
gif: image/gif
bmp: image/bmp image/x-ms-bmp image/x-bmp
dib: image/bmp image/x-ms-bmp | image/dib | image/dib application/octet-stream
tiff: image/tiff
geotiff: image/tiff image/geotiff
webp: image/webp
avif: image/avif
heic: image/heic image/heif
heif: image/heif image/heic
jp2: image/jp2
j2k: image/j2k image/jp2 image/x-jp2-codestream
jxl: image/jxl
jxr: image/jxr image/vnd.ms-photo | | application/octet-stream
jls: image/jls | image/x-jls | application/octet-stream image/x-jls
ico: image/vnd.microsoft.icon image/x-icon
icns: image/icns image/x-icns
tga: image/x-tga | image/x-targa | application/octet-stream image/x-targa
pcx: image/vnd.zbrush.pcx image/x-pcx
sgi: image/x-sgi image/sgi image/x-rgb
dds: image/x-dds image/vnd-ms.dds image/vnd.ms-dds
pbm: image/x-portable-bitmap | | text/plain
pgm: image/x-portable-graymap | | text/plain
ppm: image/x-portable-pixmap | | text/plain
pam: image/x-portable-arbitrarymap | | image/x-portable-anymap
pfm: image/x-portable-floatmap image/x-pfm | | application/octet-stream
xbm: image/x-xbitmap | | text/plain text/x-c
xpm: image/x-xpixmap | image/x-xpm | text/plain text/x-c image/x-xpm
xwd: image/x-xwindowdump | | application/octet-stream
ras: image/x-sun-raster image/x-cmu-raster | | application/octet-stream
im: image/x-im | | application/octet-stream
msp: image/x-msp | | application/octet-stream
spider: image/x-spider | | application/octet-stream
blp: image/x-blp | | application/octet-stream
qoi: image/qoi | image/x-qoi | application/octet-stream image/x-qoi
exr: image/x-exr image/aces
hdr: image/vnd.radiance | | text/plain application/octet-stream
dpx: image/x-dpx image/dpx | | application/octet-stream
fits: image/fits application/fits image/x-fits | | text/plain application/octet-stream
wbmp: image/vnd.wap.wbmp | | application/octet-stream
mpo: image/mpo image/jpeg image/x-mpo
eps: application/postscript image/x-eps application/eps application/eps+zip | | text/plain
ps: application/postscript | | text/plain
svg: image/svg+xml
svgz: image/svg+xml | image/svg+xml-compressed | application/gzip image/svg+xml-compressed
dicom: application/dicom | image/dicom-rle | application/octet-stream
nifti: application/x-nifti | | application/octet-stream
mgh: application/x-mgh | | application/octet-stream
mp3: audio/mpeg | audio/mp3 | audio/mp3
mp2: audio/mpeg audio/mp2 | | application/octet-stream
wav: audio/wav audio/x-wav audio/vnd.wave audio/wave
rf64: audio/wav audio/x-wav audio/vnd.wave | | application/octet-stream
w64: audio/x-w64 audio/w64 | | application/octet-stream
flac: audio/flac audio/x-flac
ogg: audio/ogg application/ogg
oga: audio/ogg application/ogg
opus: audio/ogg audio/opus | audio/x-opus+ogg | application/ogg audio/x-opus+ogg
m4a: audio/mp4 audio/x-m4a audio/m4a | | video/mp4
m4b: audio/mp4 audio/x-m4b | | video/mp4
alac: audio/mp4 audio/x-m4a | | video/mp4
aac: audio/aac audio/x-aac audio/vnd.dlna.adts audio/x-hx-aac-adts
ac3: audio/ac3 audio/vnd.dolby.dd-raw | | application/octet-stream
eac3: audio/eac3 audio/vnd.dolby.dd-raw audio/ac3 | | application/octet-stream
dtshd: audio/vnd.dts | audio/x-dts | application/octet-stream audio/x-dts
aiff: audio/aiff audio/x-aiff
aifc: audio/aiff audio/x-aiff audio/x-aifc
au: audio/basic audio/x-au
caf: audio/x-caf | | application/octet-stream
amr: audio/amr audio/AMR
wma: audio/x-ms-wma | | video/x-ms-wmv video/x-ms-asf application/vnd.ms-asf
voc: audio/x-voc | | application/octet-stream
tta: audio/x-tta | | application/octet-stream
wv: audio/x-wavpack audio/wavpack | | application/octet-stream
mka: audio/matroska audio/x-matroska | | video/matroska video/x-matroska
weba: audio/webm | | video/webm
midi: audio/midi audio/x-midi audio/mid
iff8: audio/x-8svx audio/8svx audio/aiff | | application/octet-stream application/x-iff
sndraw: audio/x-raw | | application/octet-stream
mp4: video/mp4
m4v: video/mp4 video/x-m4v
mov: video/quicktime
mkv: video/matroska video/x-matroska
webm: video/webm
avi: video/x-msvideo video/avi video/vnd.avi video/msvideo
flv: video/x-flv
wmv: video/x-ms-wmv | | video/x-ms-asf application/vnd.ms-asf audio/x-ms-wma
asf: video/x-ms-asf application/vnd.ms-asf video/x-ms-wmv | | audio/x-ms-wma
mpg: video/mpeg
vob: video/mpeg | video/x-ms-vob video/dvd | video/x-ms-vob
mpegts: video/mp2t video/vnd.dlna.mpeg-tts | text/vnd.trolltech.linguist
m2ts: video/mp2t video/vnd.dlna.mpeg-tts
mxf: application/mxf
3gp: video/3gpp
3g2: video/3gpp2 | | video/3gpp
ogv: video/ogg application/ogg | | audio/ogg
dv: video/dv video/x-dv | | application/octet-stream
ivf: video/x-ivf | | application/octet-stream
mjpeg: video/x-mjpeg video/x-motion-jpeg | | image/jpeg
h264: video/h264 | | application/octet-stream
hevc: video/h265 video/hevc | | application/octet-stream
y4m: video/x-yuv4mpeg | | application/octet-stream text/plain
gxf: application/gxf video/gxf | | application/octet-stream
nut: video/x-nut | | application/octet-stream
wtv: video/x-ms-wtv video/x-wtv | | application/octet-stream
swf: application/vnd.adobe.flash.movie application/x-shockwave-flash
rm: application/vnd.rn-realmedia | | application/octet-stream audio/x-pn-realaudio
f4v: video/mp4 video/x-f4v video/x-flv
pdf: application/pdf
docx: OOXMLwordprocessingml.document | application/msword
docm: application/vnd.ms-word.document.macroEnabled.12
dotx: OOXMLwordprocessingml.template
xlsx: OOXMLspreadsheetml.sheet | application/vnd.ms-excel
xlsm: application/vnd.ms-excel.sheet.macroEnabled.12
xltx: OOXMLspreadsheetml.template
pptx: OOXMLpresentationml.presentation | application/vnd.ms-powerpoint
potx: OOXMLpresentationml.template
ppsx: OOXMLpresentationml.slideshow
lockedooxml: OOXMLwordprocessingml.document OOXMLspreadsheetml.sheet \
 OOXMLpresentationml.presentation application/x-ole-storage | | application/encrypted
xls: application/vnd.ms-excel | | application/x-ole-storage
odt: ODFtext
ods: ODFspreadsheet
odp: ODFpresentation
odg: ODFgraphics
ott: ODFtext-template
ots: ODFspreadsheet-template
otp: ODFpresentation-template
odc: ODFchart
odi: ODFimage
odm: ODFtext-master
fodt: ODFtext-flat-xml application/vnd.oasis.opendocument.text-flat-xml | | \
 application/xml text/xml text/plain
rtf: application/rtf text/rtf | application/msword
epub: application/epub+zip
fb2: application/x-fictionbook+xml application/x-fictionbook | | application/xml text/xml
html: text/html
xhtml: application/xhtml+xml text/html
tex: text/x-tex application/x-tex application/x-latex | | text/plain
context: text/x-tex application/x-tex | | text/plain
rst: text/x-rst text/prs.fallenstein.rst | | text/plain
markdown: text/markdown text/x-markdown | | text/plain
org: text/org text/x-org | | text/plain
wiki: text/x-wiki | | text/plain
textile: text/x-textile | | text/plain
asciidoc: text/asciidoc text/x-asciidoc | | text/plain
opml: text/x-opml text/x-opml+xml | | application/xml text/xml
ipynb: application/x-ipynb+json | | application/json
docbook: application/docbook+xml application/x-docbook+xml | | application/xml text/xml
jats: application/xml text/xml | application/jats+xml | application/jats+xml
tei: application/tei+xml | | application/xml text/xml
icml: application/xml text/xml | | text/plain
typst: text/x-typst text/vnd.typst | | text/plain
texinfo: application/x-texinfo text/x-texinfo | | text/plain
man: text/troff application/x-troff-man application/x-troff | | text/plain
roff: text/troff application/x-troff-ms application/x-troff | | text/plain
haskell: text/x-haskell | | text/plain
pandocjson: application/json
bibtex: text/x-bibtex application/x-bibtex | | text/plain
csljson: application/vnd.citationstyles.csl+json | | application/json
ris: application/x-research-info-systems | | text/plain
csv: text/csv text/x-csv text/x-comma-separated-values application/csv | \
 application/vnd.ms-excel | text/plain
tsv: text/tab-separated-values text/tsv | | text/plain text/csv
txt: text/plain | | text/csv application/octet-stream
log: text/plain text/x-log
srt: application/x-subrip text/srt | | text/plain
vtt: text/vtt | | text/plain
ass: text/x-ssa text/x-ass | | text/plain
ttml: application/ttml+xml | | application/xml text/xml text/plain
sub: text/plain | text/x-microdvd text/x-subviewer | text/x-microdvd text/x-subviewer
json: application/json text/json
jsonl: application/jsonl application/x-ndjson application/jsonlines application/x-jsonlines \
 application/json-lines | | text/plain application/json
geojson: application/geo+json application/vnd.geo+json | | application/json
geojsonseq: application/geo+json-seq | | application/json application/octet-stream text/plain \
 application/jsonl application/x-ndjson application/geo+json
jsonld: application/ld+json | | application/json
har: application/json | application/har+json | application/har+json
webmanifest: application/manifest+json | | application/json
yaml: application/yaml application/x-yaml text/yaml text/x-yaml | | text/plain
toml: application/toml | | text/plain
ini: text/plain | application/x-wine-extension-ini text/x-ini | \
 application/x-wine-extension-ini text/x-ini
properties: text/x-java-properties | | text/plain
xml: application/xml text/xml | | text/plain
xsd: application/xml text/xml | application/xml-external-parsed-entity | application/xsd+xml
rss: application/rss+xml | | application/xml text/xml
atom: application/atom+xml | | application/xml text/xml
plist: application/x-plist application/xml text/xml
bplist: application/x-plist application/x-bplist | | application/octet-stream
parquet: application/vnd.apache.parquet application/x-parquet | | application/octet-stream
feather: application/vnd.apache.arrow.file application/x-feather | | application/octet-stream
arrowstream: application/vnd.apache.arrow.stream | | application/octet-stream
orc: application/x-orc application/vnd.apache.orc | | application/octet-stream
avro: application/avro application/vnd.apache.avro | | application/octet-stream
hdf5: application/x-hdf5 application/x-hdf | | application/octet-stream
netcdf: application/x-netcdf application/netcdf | | application/x-hdf5 application/x-hdf \
 application/octet-stream
mat: application/x-matlab-data application/matlab-mat | | application/octet-stream text/plain
npy: application/x-npy application/x-numpy-data | | application/octet-stream
npz: application/x-npz application/zip
pickle: application/x-pickle application/python-pickle | | application/octet-stream text/plain
sav: application/x-spss-sav application/x-spss-savefile | | application/octet-stream text/plain
por: application/x-spss-por | | application/octet-stream text/plain
dta: application/x-stata-dta application/x-stata | | application/octet-stream text/plain \
 application/xml
xpt: application/x-sas-xport | | application/octet-stream text/plain
sqlite: application/vnd.sqlite3 application/x-sqlite3
duckdb: application/vnd.duckdb application/x-duckdb | | application/octet-stream
lmdb: application/x-lmdb | | application/octet-stream
dbf: application/dbf application/x-dbf application/dbase application/vnd.dbf | | \
 application/octet-stream
bson: application/bson | | application/octet-stream text/plain
msgpack: application/msgpack application/vnd.msgpack application/x-msgpack | | \
 application/octet-stream text/plain
cbor: application/cbor | | application/octet-stream text/plain
protobuf: application/x-protobuf application/protobuf | | application/octet-stream text/plain
onnx: application/onnx application/x-onnx | | application/octet-stream text/plain
safetensors: application/x-safetensors application/vnd.safetensors | | application/octet-stream
gguf: application/x-gguf | | application/octet-stream
graphml: application/graphml+xml | | application/xml text/xml
gexf: application/gexf+xml application/x-gexf | | application/xml text/xml
gml: text/x-gml text/plain | application/gml+xml | application/gml+xml
pajek: application/x-pajek | | text/plain
dot: text/vnd.graphviz | application/msword OOXMLwordprocessingml.template | text/plain
turtle: text/turtle | | text/plain
ntriples: application/n-triples | | text/plain
nquads: application/n-quads | | text/plain
trig: application/trig | | text/plain
n3: text/n3 | | text/plain
rdfxml: application/rdf+xml | | application/xml text/xml
trix: application/trix+xml application/trix | | application/xml text/xml
zip: application/zip application/x-zip-compressed application/x-zip
tar: application/x-tar application/x-gtar
targz: application/gzip application/x-gzip application/x-compressed-tar application/x-tgz \
 application/x-compressed
tarbz2: application/x-bzip2 application/x-bzip application/x-bzip-compressed-tar \
 application/x-bzip2-compressed-tar application/x-tbz
tarxz: application/x-xz application/x-xz-compressed-tar
tarzst: application/zstd application/x-zstd-compressed-tar
gz: application/gzip application/x-gzip
bz2: application/x-bzip2 application/x-bzip application/bzip2
xz: application/x-xz
lzma: application/x-lzma | | application/octet-stream
zst: application/zstd
lz4: application/x-lz4 | | application/octet-stream
br: application/x-brotli application/brotli | | application/octet-stream text/plain
snappy: application/x-snappy-framed application/x-snappy | | application/octet-stream
7z: application/x-7z-compressed
iso: application/x-iso9660-image application/x-cd-image application/vnd.efi.iso \
 application/x-raw-disk-image | | application/octet-stream
cpio: application/x-cpio | | application/octet-stream
ar: application/x-archive application/x-unix-archive | | application/octet-stream
deb: application/vnd.debian.binary-package application/x-debian-package application/x-deb | | \
 application/x-archive application/x-unix-archive application/octet-stream
wheel: application/zip application/x-wheel+zip
nupkg: application/zip application/vnd.nuget.package
vsix: application/zip application/vsix application/x-vsix | | application/vsix
xpi: application/x-xpinstall | | application/zip
kmz: application/vnd.google-earth.kmz | | application/zip
cbz: application/vnd.comicbook+zip application/x-cbz | | application/zip
usdz: model/vnd.usdz+zip | | application/zip
sb3: application/x.scratch.sb3 application/x-scratch | | application/zip
jar: application/java-archive application/x-java-archive application/x-jar | | application/zip
war: application/java-archive application/x-java-archive application/zip
apk: application/vnd.android.package-archive | | application/zip application/java-archive
pyz: application/x-python-zipapp application/x-pyz | | application/octet-stream application/zip text/x-python
3mf: model/3mf application/vnd.ms-3mfdocument application/vnd.ms-package.3dmanufacturing-3dmodel+xml\
 | | application/zip
stl: model/stl application/sla application/vnd.ms-pki.stl application/octet-stream | | text/plain
obj: model/obj text/plain | application/x-tgif | application/octet-stream application/x-tgif
ply: application/ply model/x-ply | | text/plain application/octet-stream
off: model/off application/x-off | | text/plain application/octet-stream
glb: model/gltf-binary | | application/octet-stream
gltf: model/gltf+json | | application/json
dae: model/vnd.collada+xml | | application/xml text/xml text/plain
vtk: application/x-vtk | | text/plain application/octet-stream
vtu: application/xml text/xml | application/x-vtk | application/x-vtk
msh: model/mesh | application/x-gmsh | text/plain application/octet-stream application/x-gmsh
inp: text/plain | application/x-abaqus | application/x-abaqus
dxf: image/vnd.dxf image/x-dxf application/dxf | | text/plain
gpx: application/gpx+xml | | application/xml text/xml
kml: application/vnd.google-earth.kml+xml | | application/xml text/xml
shp: application/vnd.shp application/x-esri-shape x-gis/x-shapefile | | application/octet-stream
shx: application/vnd.shx | | application/octet-stream application/vnd.shp
gpkg: application/geopackage+sqlite3 | | application/vnd.sqlite3 application/x-sqlite3
fgb: application/flatgeobuf application/vnd.flatgeobuf | | application/octet-stream
pmtiles: application/vnd.pmtiles | | application/octet-stream
ogrgml: application/gml+xml | | application/xml text/xml
mif: application/x-mif | application/vnd.mif | text/plain application/vnd.mif
rasterother: application/octet-stream | application/x-erdas-hfa | text/plain application/x-erdas-hfa
aaigrid: text/plain | application/x-aaigrid | application/x-aaigrid
wkt: text/plain | application/x-wkt | application/x-wkt
fasta: text/x-fasta chemical/seq-aa-fasta application/x-fasta | | text/plain
fastq: text/x-fastq chemical/x-fastq | | text/plain
genbank: chemical/seq-na-genbank chemical/x-genbank | | text/plain
phylip: text/x-phylip | | text/plain
nexus: text/x-nexus | | text/plain
newick: text/x-nh | | text/plain
phyloxml: application/xml text/xml
pdb: chemical/x-pdb | application/vnd.palm application/x-aportisdoc | text/plain
mmcif: chemical/x-mmcif chemical/x-cif | | text/plain
vcf: text/vcard text/x-vcard text/directory | | text/plain
vcfgenome: text/x-vcf text/plain | text/vcard text/x-vcard | text/vcard text/x-vcard
ics: text/calendar | | text/plain
eml: message/rfc822 | | text/plain
mbox: application/mbox | | text/plain message/rfc822
mhtml: multipart/related application/x-mimearchive message/rfc822 | | text/plain
pem: application/x-x509-ca-cert application/x-pem-file application/pkix-cert \
 application/x-x509-user-cert application/pem-certificate-chain | | text/plain
der: application/x-x509-ca-cert application/pkix-cert | | application/octet-stream
crl: application/pkix-crl | | application/octet-stream
csr: application/pkcs10 | | application/octet-stream text/plain
p12: application/x-pkcs12 | | application/octet-stream
key: application/pkcs8 application/x-pem-key | application/x-iwork-keynote-sffkey \
 application/vnd.apple.keynote | text/plain
sshkey: application/x-openssh-key text/plain | application/x-mspublisher \
 application/vnd.ms-publisher | application/x-pem-key application/vnd.ms-publisher
po: text/x-gettext-translation application/x-gettext | | text/plain
mo: application/x-gettext-translation application/x-gettext | | application/octet-stream
warc: application/warc | | application/octet-stream text/plain
torrent: application/x-bittorrent | | application/octet-stream text/plain
ttf: font/ttf application/x-font-ttf font/sfnt application/font-sfnt
otf: font/otf application/x-font-otf application/vnd.ms-opentype
ttc: font/collection application/x-font-ttc font/ttf | | application/octet-stream
woff: font/woff application/font-woff application/x-font-woff
woff2: font/woff2 application/font-woff2
pyc: application/x-python-code application/x-python-bytecode application/x-bytecode.python | | \
 application/octet-stream
elf: application/x-executable application/x-elf application/x-pie-executable \
 application/x-sharedlib application/x-object | application/x-dosexec | application/x-dosexec
pe: application/vnd.microsoft.portable-executable application/x-msdownload application/x-dosexec \
 application/x-ms-dos-executable application/x-msdos-program
macho: application/x-mach-binary
coff: application/x-coff application/x-object | | application/octet-stream model/obj
wasm: application/wasm
diff: text/x-diff text/x-patch | | text/plain
m3u: audio/x-mpegurl audio/mpegurl application/vnd.apple.mpegurl | | text/plain
pls: audio/x-scpls | | text/plain
xspf: application/xspf+xml | | application/xml text/xml
cue: application/x-cue | | text/plain
lrc: text/x-lrc | application/lrc | text/plain application/lrc
"""

# Program text: a name, and the types of systems. Without one, text/plain is right.
_SOURCES = """
python: text/x-python text/x-python3 text/x-script.python
typescript: application/typescript text/typescript text/x-typescript text/vnd.trolltech.linguist | \
 video/mp2t video/vnd.dlna.mpeg-tts
javascript: text/javascript application/javascript application/x-javascript
c: text/x-csrc text/x-c
cheader: text/x-chdr text/x-c
cpp: text/x-c++src text/x-c++
java: text/x-java text/x-java-source
csharp: text/x-csharp | | text/x-csharp
go: text/x-go
rust: text/rust text/x-rust | application/rls-services+xml
ruby: application/x-ruby text/x-ruby
perl: application/x-perl text/x-perl
php: application/x-httpd-php application/x-php text/x-php
lua: text/x-lua
r: text/x-r
julia: text/x-julia
swift: text/x-swift
kotlin: text/x-kotlin
scala: text/x-scala
groovy: text/x-groovy
dart: text/x-dart application/vnd.dart
sql: application/sql application/x-sql text/x-sql
shell: application/x-sh application/x-shellscript text/x-sh text/x-shellscript
powershell: text/x-powershell application/x-powershell
css: text/css
scss: text/x-scss
less: text/x-less
vue: text/x-vue
jsx: text/jsx
makefile: text/x-makefile
cmake: text/x-cmake
dockerfile: text/x-dockerfile
proto: text/x-protobuf
graphql: application/graphql
matlab: text/x-matlab text/x-objcsrc
fortran: text/x-fortran
pascal: text/x-pascal
erlang: text/x-erlang
elixir: text/x-elixir
clojure: text/x-clojure
lisp: text/x-common-lisp text/x-emacs-lisp
ocaml: text/x-ocaml
assembly: text/x-asm text/x-assembly
vhdl: text/x-vhdl
verilog: text/x-verilog
tcl: application/x-tcl text/x-tcl
terraform: text/x-hcl
nginx: text/plain
gherkin: text/x-gherkin
jinja: text/x-jinja | | text/html
mustache: text/x-mustache text/x-handlebars | | text/html
"""


def _parsed(table: str, *, vague: str = "") -> dict[str, Format]:
    table = table.replace("\\\n", "").replace("OOXML", _OOXML).replace("ODF", _ODF)
    formats = {}
    for line in table.strip().splitlines():
        name, _, types = line.partition(":")
        right, wrong, other = ([*types.split("|"), "", ""])[:3]
        declared = tuple(dict.fromkeys([*UNDECLARED, *right.split(), *wrong.split()]))
        allowed = frozenset([*other.split(), *vague.split(), *wrong.split()])
        if name.strip() in _KEEP_APART:
            allowed -= frozenset(wrong.split())
        formats[name.strip()] = Format(frozenset(right.split()), declared, allowed)
    return formats


# Formats whose bytes contradict the type that systems declare.
_KEEP_APART = frozenset({"mpegts", "typescript", "docx", "xlsx", "pptx", "csv", "rtf"})
FORMATS = {**_parsed(_TABLE), **_parsed(_SOURCES, vague="text/plain")}
