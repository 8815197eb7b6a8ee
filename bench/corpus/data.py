"""Data and models: tables, arrays, databases, graphs, and machine-learning models."""

import io
import json
import pickle
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import cbor2
import duckdb
import fastavro
import gguf
import h5py
import lmdb
import msgpack
import netCDF4
import networkx
import numpy
import onnx
import onnx.helper
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pyreadstat
import rdflib
import safetensors.numpy
import scipy.io
import shapefile
from files import File, Files, Names

FRAME = pandas.DataFrame({"id": [1, 2, 3], "name": ["Anna", "Ben", "Größe"], "x": [1.5, 2.5, 0.0]})


def _by_path(make: Callable[[Path], Any], extension: str) -> bytes:
    """The output of a tool that writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"out.{extension}")
        make(path)
        return path.read_bytes()


def columns(names: Names) -> Files:
    """Parquet, Arrow, Feather, ORC, Avro."""
    table = pyarrow.Table.from_pandas(FRAME)
    for compression in ("none", "snappy", "gzip", "zstd"):
        out = io.BytesIO()
        pyarrow.parquet.write_table(table, out, compression=compression)
        yield File("parquet", names("parquet"), out.getvalue(), f"pyarrow {compression}")
    for compression in ("uncompressed", "lz4", "zstd"):
        for extension in ("feather", "arrow"):
            out = io.BytesIO()
            pyarrow.feather.write_feather(table, out, compression=compression)
            yield File("feather", names(extension), out.getvalue(), f"pyarrow {compression}")
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    yield File("arrowstream", names("arrows"), out.getvalue(), "pyarrow, a stream")
    for compression in ("uncompressed", "zlib"):
        out = io.BytesIO()
        pyarrow.orc.write_table(table, out, compression=compression)
        yield File("orc", names("orc"), out.getvalue(), f"pyarrow {compression}")
    schema = {"type": "record", "name": "a", "fields": [{"name": "id", "type": "long"}]}
    for codec in ("null", "deflate"):
        out = io.BytesIO()
        fastavro.writer(out, schema, [{"id": 1}], codec=codec, sync_marker=b"s" * 16)
        yield File("avro", names("avro"), out.getvalue(), f"fastavro {codec}")


def arrays(names: Names) -> Files:
    """HDF5, NetCDF, MATLAB, NumPy."""
    for values in (numpy.arange(10), numpy.zeros((20, 30), "float32")):
        for extension in ("h5", "hdf5"):
            out = io.BytesIO()
            with h5py.File(out, "w", track_order=True) as file:
                file.create_dataset("a", data=values, track_times=False)
            yield File("hdf5", names(extension), out.getvalue(), "h5py")
        for form in ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4"):

            def write(path: Path, form: str = form, values: Any = values) -> None:
                with netCDF4.Dataset(path, "w", format=form) as file:
                    file.createDimension("n", values.size)
                    file.createVariable("a", "f4", ("n",))[:] = values.ravel()

            yield File("netcdf", names("nc"), _by_path(write, "nc"), f"netCDF4 {form}")
        for form, packed in (("4", False), ("5", False), ("5", True)):
            out = io.BytesIO()
            scipy.io.savemat(out, {"a": values}, format=form, do_compression=packed)
            yield File("mat", names("mat"), out.getvalue(), f"scipy {form} {packed}")
        out = io.BytesIO()
        numpy.save(out, values)
        yield File("npy", names("npy"), out.getvalue(), "numpy")
        for save in (numpy.savez, numpy.savez_compressed):
            out = io.BytesIO()
            save(out, a=values)
            yield File("npz", names("npz"), out.getvalue(), f"numpy {save.__name__}")


def statistics(names: Names) -> Files:
    """SPSS, Stata, SAS, dBase."""
    for make, name, extension in (
        (pyreadstat.write_sav, "sav", "sav"), (pyreadstat.write_por, "por", "por"),
        (pyreadstat.write_dta, "dta", "dta"), (pyreadstat.write_xport, "xpt", "xpt"),
    ):  # fmt: skip
        frame = FRAME.replace("Größe", "Cy").rename(columns=str.upper) if name == "por" else FRAME
        data = _by_path(lambda path, make=make, frame=frame: make(frame, str(path)), extension)
        yield File(name, names(extension), data, f"pyreadstat {name}")
    packed = _by_path(lambda path: pyreadstat.write_sav(FRAME, path, compress=True), "zsav")
    yield File("sav", names("zsav"), packed, "pyreadstat, compressed")
    for version in (114, 117, 118, 119):
        out = io.BytesIO()
        frame = FRAME.drop(columns="name") if version < 118 else FRAME
        frame.to_stata(out, version=version, write_index=False)
        yield File("dta", names("dta"), out.getvalue(), f"pandas, Stata {version}")
    out = io.BytesIO()
    with shapefile.Writer(dbf=out) as writer:
        writer.field("NAME", "C")
        writer.record("Anna")
        writer.record("Ben")
    yield File("dbf", names("dbf"), out.getvalue(), "pyshp")


def databases(names: Names) -> Files:
    """SQLite, DuckDB, LMDB."""
    for page_size in (512, 4096):
        for extension in ("sqlite", "db", "sqlite3"):

            def write(path: Path, page_size: int = page_size) -> None:
                with sqlite3.connect(path) as connection:
                    connection.execute(f"pragma page_size={page_size}")
                    connection.execute("create table record(a, b)")
                connection.close()

            data = _by_path(write, extension)
            yield File("sqlite", names(extension), data, f"sqlite3 {page_size}")
    data = _by_path(lambda path: duckdb.connect(str(path)).execute("create table a(b int)").close(),
                    "duckdb")  # fmt: skip
    yield File("duckdb", names("duckdb"), data, "duckdb")
    with tempfile.TemporaryDirectory() as folder:
        environment = lmdb.open(folder)
        with environment.begin(write=True) as transaction:
            transaction.put(b"a", b"b")
        environment.close()
        yield File("lmdb", names("mdb"), Path(folder, "data.mdb").read_bytes(), "lmdb")


def messages(names: Names) -> Files:
    """BSON, MessagePack, CBOR, pickles, Protocol Buffers."""
    for value in ({"a": 1, "name": "Größe"}, {"list": list(range(50))}, {"free": {"x": None}}):
        yield File("bson", names("bson"), bson.encode(value), "pymongo")
        for extension in ("msgpack", "mpk"):
            yield File("msgpack", names(extension), msgpack.packb(value), "msgpack")
        yield File("cbor", names("cbor"), cbor2.dumps(value), "cbor2")
        tagged = cbor2.dumps(cbor2.CBORTag(55799, value))
        yield File("cbor", names("cbor"), tagged, "cbor2, with the tag that says CBOR")
        for protocol in (0, 2, 5):
            pickled = pickle.dumps(value, protocol)
            yield File("pickle", names("pkl"), pickled, f"pickle {protocol}")
            yield File("pickle", names("pickle"), pickled, f"pickle {protocol}")
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    shape = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1]) for n in "xy"]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", shape[:1], shape[1:]))
    yield File("onnx", names("onnx"), model.SerializeToString(), "onnx")
    yield File("protobuf", names("pb"), model.graph.SerializeToString(), "protobuf")
    for size in (2, 200):
        weights = safetensors.numpy.save({"w": numpy.ones(size, "float32")})
        yield File("safetensors", names("safetensors"), weights, "safetensors")

    def write(path: Path) -> None:
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_tensor("w", numpy.ones((4, 4), "float32"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    yield File("gguf", names("gguf"), _by_path(write, "gguf"), "gguf")
    yield File("torrent", names("torrent"), _torrent(), "bencoding, by the book")


def _torrent() -> bytes:
    """A torrent. https://www.bittorrent.org/beps/bep_0003.html ."""
    pieces = bytes(range(0, 200, 10))
    info = b"d6:lengthi5e4:name5:a.txt12:piece lengthi16384e6:pieces20:" + pieces + b"e"
    return b"d8:announce26:https://example.org/tracker4:info" + info + b"e"


def graphs(names: Names) -> Files:
    """Graphs by networkx; statements by rdflib."""
    graph = networkx.path_graph(3)
    for write, name, extension in (
        (networkx.write_graphml_xml, "graphml", "graphml"), (networkx.write_gexf, "gexf", "gexf"),
        (networkx.write_gml, "gml", "gml"), (networkx.write_pajek, "pajek", "net"),
    ):  # fmt: skip
        data = _by_path(lambda path, write=write: write(graph, str(path)), extension)
        yield File(name, names(extension), data, f"networkx {name}")
    data = json.dumps(networkx.node_link_data(graph, edges="links")).encode()
    yield File("json", names("json"), data, "networkx")
    statements = rdflib.Dataset(default_union=True)
    what = rdflib.URIRef("https://example.org/a")
    statements.add((what, rdflib.RDFS.label, rdflib.Literal("Größe", lang="de")))
    for kind, name, extension in (
        ("turtle", "turtle", "ttl"), ("nt", "ntriples", "nt"), ("nquads", "nquads", "nq"),
        ("trig", "trig", "trig"), ("n3", "n3", "n3"), ("pretty-xml", "rdfxml", "rdf"),
        ("xml", "rdfxml", "owl"), ("trix", "trix", "trix"), ("json-ld", "jsonld", "jsonld"),
    ):  # fmt: skip
        data = statements.serialize(format=kind).encode()
        yield File(name, names(extension), data, f"rdflib {kind}")


assert sys.byteorder == "little", "the corpus is made on little-endian machines"
MAKERS = (columns, arrays, statistics, databases, messages, graphs)
