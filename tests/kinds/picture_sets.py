"""One small set of pictures, written in every form that is read."""

import gzip
import io
import json
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from reverie.kinds import DataOptions
from reverie.kinds.image import open as open_images

N, H, W, C = 12, 6, 5, 3
LABELS = np.array([2, 0, 1] * 4)
TEST = np.array([False] * 8 + [True] * 4)
NAMES = ("ant", "bee", "cat")


def png(picture):
    data = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(data, "PNG")
    return data.getvalue()


def prepared(path, size=(), **options):
    return open_images(str(path), DataOptions(**options)).prepare(size)


def everything(data):
    """All pictures and labels of both parts, as a set."""
    found = []
    for where, items in (("train", data.train), ("test", data.held_out)):
        index = torch.arange(len(items))
        batch = items.take(index)
        labels = batch.values.get("label", torch.full((len(items),), -1)).tolist()
        names = [data.codec.classes[k] if k >= 0 else "" for k in labels]
        found += [(where, name, picture.tobytes()) for name, picture in zip(names, items.raw(index))]
    return sorted(found)


def write_folder(root, raw, pattern="{part}/{label}/{i:03d}.png"):
    for i, picture in enumerate(raw):
        name = pattern.format(part="test" if TEST[i] else "train", label=NAMES[LABELS[i]], i=i)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(picture))
    return root


def write_zip(file, raw, pattern="{part}/{label}/{i:03d}.png"):
    with zipfile.ZipFile(file, "w") as archive:
        for i, picture in enumerate(raw):
            where = "test" if TEST[i] else "train"
            archive.writestr(pattern.format(part=where, label=NAMES[LABELS[i]], i=i), png(picture))
    return file


def write_idx(file, array):
    data = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def table(raw, rows, struct_column=True):
    data = [png(picture) for picture in raw[rows]]
    column = [{"bytes": d, "path": None} for d in data] if struct_column else data
    features = {"image": {"_type": "Image"}, "label": {"names": list(NAMES), "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if struct_column else pa.binary()
    table = pa.table({"extra": pa.array(["x"] * len(data)), "image": pa.array(column, kind), "label": LABELS[rows]})
    return table.replace_schema_metadata(about)


def write_arrow(folder, table):
    folder.mkdir(parents=True)
    with (
        pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as out,
    ):
        out.write_table(table, max_chunksize=3)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text("{}")


def write(form, root, raw):
    root.mkdir(parents=True, exist_ok=True)
    train, test = np.flatnonzero(~TEST), np.flatnonzero(TEST)
    if form == "folder":
        return write_folder(root, raw)
    if form == "wrapped folder":
        write_folder(root / "inner" / "again", raw)
        return root
    if form == "zip":
        return write_zip(root / "pictures.zip", raw)
    if form == "wrapped zip":
        return write_zip(root / "p.zip", raw, "top/{part}/{label}/{i:03d}.png")
    if form == "two zips":
        for part, rows in (("train", train), ("test", test)):
            with zipfile.ZipFile(root / f"{part}.zip", "w") as archive:
                for i in rows:
                    archive.writestr(f"{NAMES[LABELS[i]]}/{i}.png", png(raw[i]))
        return root
    if form == "npz":
        names = np.array(NAMES)[LABELS]
        np.savez(root / "a.npz", x_train=raw[train], y_train=names[train], x_test=raw[test], y_test=names[test])
        return root / "a.npz"
    if form == "parquet":
        for part, rows in (("train", train), ("test", test)):
            pq.write_table(table(raw, rows), root / f"{part}-00000-of-00001.parquet", row_group_size=3)
        return root
    write_arrow(root / "train", table(raw, train))
    write_arrow(root / "test", table(raw, test))
    (root / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    return root


FORMS = ["folder", "wrapped folder", "zip", "wrapped zip", "two zips", "npz", "parquet", "arrow"]
