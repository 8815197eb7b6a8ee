"""Maps, models, molecules and meshes: by rasterio, pyogrio, trimesh, meshio, Biopython, ezdxf."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import ezdxf
import gpxpy.gpx
import meshio
import numpy
import pyogrio
import rasterio
import rasterio.shutil
import shapefile
import simplekml
import trimesh
from Bio import Phylo, SeqIO
from Bio.Align import MultipleSeqAlignment
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from files import File, Files, Names

# GDAL's drivers for rasters: our format, the extension.
RASTERS = [
    ("GTiff", "geotiff", "tif"), ("COG", "geotiff", "tif"), ("PNG", "png", "png"),
    ("JPEG", "jpeg", "jpg"), ("BMP", "bmp", "bmp"), ("GIF", "gif", "gif"),
    ("JP2OpenJPEG", "jp2", "jp2"), ("HFA", "rasterother", "img"), ("AAIGrid", "aaigrid", "asc"),
    ("XYZ", "txt", "xyz"), ("ERS", "rasterother", "bin"), ("PCRaster", "rasterother", "map"),
    ("NITF", "rasterother", "ntf"), ("RST", "rasterother", "rst"), ("SAGA", "rasterother", "sdat"),
    ("netCDF", "netcdf", "nc"), ("PNM", "pgm", "pgm"),
    ("GPKG", "gpkg", "gpkg"), ("ISIS3", "rasterother", "cub"),
    ("KRO", "rasterother", "kro"), ("MRF", "xml", "mrf"), ("PDF", "pdf", "pdf"),
]  # fmt: skip
# GDAL's drivers for vectors.
VECTORS = [
    ("GeoJSON", "geojson", "geojson"), ("GeoJSONSeq", "geojsonseq", "geojsonl"),
    ("GPKG", "gpkg", "gpkg"), ("FlatGeobuf", "fgb", "fgb"), ("KML", "kml", "kml"),
    ("GML", "ogrgml", "gml"), ("DXF", "dxf", "dxf"), ("GPX", "gpx", "gpx"),
    ("MapInfo File", "mif", "mif"), ("SQLite", "sqlite", "sqlite"), ("PMTiles", "pmtiles", "pmtiles"),
    ("MBTiles", "sqlite", "mbtiles"), ("PGDUMP", "sql", "sql"),
]  # fmt: skip


def rasters(names: Names) -> Files:
    """Rasters by GDAL; drivers that the wheel lacks are skipped."""
    pixels = numpy.arange(32 * 24, dtype="uint8").reshape(24, 32)
    where = rasterio.transform.from_origin(13.0, 52.0, 0.1, 0.1)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.tif")
        with rasterio.open(
            source, "w", driver="GTiff", width=32, height=24, count=1, dtype="uint8",
            crs="EPSG:4326", transform=where,
        ) as file:  # fmt: skip
            file.write(pixels, 1)
        for driver, name, extension in RASTERS:
            out = Path(folder, f"out.{extension}")
            try:
                rasterio.shutil.copy(str(source), str(out), driver=driver)
            except (rasterio.errors.RasterioError, ValueError, OSError) as error:
                print("GDAL cannot:", driver, error)
                continue
            for number in range(2):
                extension_ = (
                    extension if number == 0 or name in ("xml", "mif") else extension.upper()
                )
                yield File(name, names(extension_), out.read_bytes(), f"GDAL {driver}")


def vectors(names: Names) -> Files:
    """Vectors by GDAL, pyshp, gpxpy and simplekml."""
    points = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"name": "Größe"},
         "geometry": {"type": "Point", "coordinates": [13.0 + n, 52.0]}} for n in range(3)
    ]}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.geojson")
        source.write_text(json.dumps(points))
        _, table = pyogrio.read_arrow(source)
        options: dict[str, Any] = {"geometry_type": "Point", "crs": "EPSG:4326"}
        for driver, name, extension in VECTORS:
            out = Path(folder, f"out.{extension}")
            try:
                columns = table.drop_columns(["name"]) if driver in ("DXF", "GPX") else table
                geometry = table.column_names[-1]
                pyogrio.write_arrow(
                    columns, str(out), driver=driver, geometry_name=geometry, **options
                )
            except Exception as error:  # noqa: BLE001 # GDAL's errors have no common class here
                print("GDAL cannot:", driver, error)
                continue
            yield File(name, names(extension), out.read_bytes(), f"GDAL {driver}")
    shapes = {part: io.BytesIO() for part in ("shp", "shx", "dbf")}
    with shapefile.Writer(**shapes) as writer:
        writer.field("NAME", "C")
        writer.point(13, 52)
        writer.record("a")
    for part, out in shapes.items():
        yield File(part, names(part), out.getvalue(), "pyshp")
    track = gpxpy.gpx.GPX()
    track.waypoints.append(gpxpy.gpx.GPXWaypoint(52, 13, name="Größe"))
    for version in ("1.0", "1.1"):
        yield File("gpx", names("gpx"), track.to_xml(version).encode(), f"gpxpy {version}")
    kml = simplekml.Kml()
    kml.newpoint(name="<b>Größe</b>", coords=[(13, 52)])
    for pretty in (True, False):
        yield File("kml", names("kml"), kml.kml(pretty).encode(), "simplekml")
    with tempfile.TemporaryDirectory() as folder:
        kml.savekmz(f"{folder}/a.kmz")
        yield File("kmz", names("kmz"), Path(folder, "a.kmz").read_bytes(), "simplekml")
    yield File("wkt", names("wkt"), b"POINT (13 52)\n", "written by hand")
    yield File("wkt", names("prj"), rasterio.crs.CRS.from_epsg(4326).to_wkt().encode(), "GDAL")


def models(names: Names) -> Files:
    """3D models by trimesh, ezdxf and meshio."""
    for body in (trimesh.creation.box(), trimesh.creation.icosphere(subdivisions=1)):
        for kind, name, extension in (
            ("stl", "stl", "stl"), ("stl_ascii", "stl", "stl"), ("obj", "obj", "obj"),
            ("ply", "ply", "ply"), ("off", "off", "off"), ("glb", "glb", "glb"), ("dae", "dae", "dae"),
            ("3mf", "3mf", "3mf"),
        ):  # fmt: skip
            try:
                data = body.export(file_type=kind)
            except (ImportError, ValueError) as error:
                print("trimesh cannot:", kind, error)
                continue
            data = data.encode() if isinstance(data, str) else bytes(data)
            yield File(name, names(extension), data, f"trimesh {kind}")
        text = body.export(file_type="ply", encoding="ascii")
        yield File("ply", names("ply"), bytes(text), "trimesh, ASCII")
        scene = body.scene().export(file_type="gltf")
        yield File("gltf", names("gltf"), scene["model.gltf"], "trimesh")
    for version in ("R12", "R2000", "R2018"):
        drawing = ezdxf.new(version)
        drawing.modelspace().add_line((0, 0), (1, 1))
        for form in ("asc", "bin"):
            if form == "bin" and version == "R12":
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "a.dxf")
                drawing.saveas(path, fmt=form)
                yield File("dxf", names("dxf"), path.read_bytes(), f"ezdxf {version} {form}")
    points = numpy.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    mesh = meshio.Mesh(points, [("triangle", numpy.array([[0, 1, 2]]))])
    with tempfile.TemporaryDirectory() as folder:
        for kind, name, extension in (
            ("vtk", "vtk", "vtk"), ("vtk42", "vtk", "vtk"), ("vtu", "vtu", "vtu"),
            ("gmsh", "msh", "msh"), ("gmsh22", "msh", "msh"), ("abaqus", "inp", "inp"),
            ("svg", "svg", "svg"), ("wkt", "wkt", "wkt"), ("nastran", "txt", "bdf"),
            ("stl", "stl", "stl"), ("ply", "ply", "ply"), ("off", "off", "off"), ("obj", "obj", "obj"),
        ):  # fmt: skip
            path = Path(folder, f"a.{extension}")
            meshio.write(path, mesh, file_format=kind)
            yield File(name, names(extension), path.read_bytes(), f"meshio {kind}")


def sequences(names: Names) -> Files:
    """Sequences and trees by Biopython; variants and molecules by hand."""
    for letters in ("ACGT" * 10, "GATTACA" * 60):
        record = SeqRecord(Seq(letters), id="id1", description="Free text")
        record.annotations["molecule_type"] = "DNA"
        record.letter_annotations["phred_quality"] = [30] * len(letters)
        for kind, name, extension in (
            ("fasta", "fasta", "fasta"), ("fasta", "fasta", "fa"), ("fastq", "fastq", "fastq"),
            ("genbank", "genbank", "gb"), ("embl", "genbank", "embl"), ("tab", "tsv", "tsv"),
        ):  # fmt: skip
            out = io.StringIO()
            SeqIO.write([record], out, kind)
            yield File(name, names(extension), out.getvalue().encode(), f"Biopython {kind}")
    aligned = MultipleSeqAlignment([
        SeqRecord(Seq("ACGT"), id=f"a{n}", annotations={"molecule_type": "DNA"}) for n in range(3)
    ])  # fmt: skip
    for kind, name, extension in (
        ("phylip", "phylip", "phy"), ("nexus", "nexus", "nex"), ("clustal", "txt", "aln"),
        ("stockholm", "txt", "sto"),
    ):  # fmt: skip
        yield File(name, names(extension), format(aligned, kind).encode(), f"Biopython {kind}")
    tree = Phylo.read(io.StringIO("((a,b),c);"), "newick")
    for kind, name, extension in (
        ("newick", "newick", "nwk"), ("nexus", "nexus", "nexus"), ("phyloxml", "phyloxml", "xml"),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            Phylo.write(tree, f"{folder}/tree", kind)
            data = Path(folder, "tree").read_bytes()
        yield File(name, names(extension), data, f"Biopython {kind}")
    atom = "ATOM      1  N   MET A   1      38.198  19.582  28.998  1.00 54.77           N\nEND\n"
    yield File("pdb", names("pdb"), f"HEADER    X\n{atom}".encode(), "written by hand")
    cif = "data_1ABC\nloop_\n_atom_site.id\n1\n"
    yield File("mmcif", names("cif"), cif.encode(), "written by hand")
    variants = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n1\t2\t.\tA\tC\n"
    yield File("vcfgenome", names("vcf"), variants.encode(), "written by hand")


MAKERS = (rasters, vectors, models, sequences)
