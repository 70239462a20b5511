"""Bad input by the dozen: one line that names the value and the cure, exit code 2, and nothing there changes."""

import gzip
import json
import shutil
import struct
import zlib

import numpy as np
import pytest

from reverie.kinds import KINDS

FIT = ("fit", "pictures", "--model", "vae", "--set", "tiny", "--steps", "2")

# what is typed, and what the line must say; none of these needs torch or reads data
AT_ONCE = [
    (("frobnicate",), ("frobnicate", "no such verb", "There are: data, fit")),
    (("fitt", "pictures"), ("fitt", "Did you mean fit?")),
    (("fit",), ("DATA", "missing")),
    (("fit", "a", "b", "c"), ("a, b, c: 3 places", "two domains")),
    (("fit", "pictures", "--model", "dcgann"), ("--model dcgann", "Did you mean dcgan?")),
    (("fit", "pictures", "--model"), ("--model: a value is missing",)),
    (("fit", "pictures", "--steps", "many"), ("--steps many", "not a whole number", "--steps 1")),
    (("fit", "pictures", "--steps", "0"), ("--steps 0", "1 or more")),
    (("fit", "pictures", "--steps", "-5"), ("--steps -5", "1 or more")),
    (("fit", "pictures", "--steps", "9" * 30), ("too large",)),
    (("fit", "pictures", "--stop", "soon"), ("--stop soon", "never, auto")),
    (("fit", "pictures", "--seed", "1.5"), ("--seed 1.5", "not a whole number")),
    (("fit", "pictures", "--size", "0"), ("--size 0", "48x64")),
    (("fit", "pictures", "--size", "64x"), ("--size 64x", "48x64")),
    (("fit", "pictures", "--size", "1x2x3"), ("--size 1x2x3", "48x64")),
    (("fit", "pictures", "--aspect", "squeeze"), ("--aspect squeeze", "crop, pad, stretch")),
    (("fit", "pictures", "--tokens", "byte"), ("--tokens byte", "Did you mean bytes?")),
    (("fit", "pictures", "--kind", "audio"), ("--kind audio", ", ".join(KINDS))),
    (("fit", "pictures", "--held-out", "nan"), ("--held-out nan", "not a finite number")),
    (("fit", "pictures", "--clip", "-1"), ("--clip -1", "0 or more")),
    (("fit", "pictures", "--skip-bad=yes"), ("--skip-bad",)),
    (("fit", "pictures", "--stepps", "3"), ("--stepps", "Did you mean --steps")),
    (("fit", "pictures", "--latents", "3"), ("--latents: a field of", "vae", "Name the model by --model")),
    (("fit", "pictures", "--model", "vae", "--latent", "3"), ("--latent", "Did you mean --latents")),
    (("fit", "pictures", "--model", "vae", "--latents", "x"), ("--latents x", "not a whole number")),
    (("fit", "pictures", "--model", "vae", "--decoder", "poisson"), ("--decoder poisson", "bernoulli, gaussian")),
    (("fit", "pictures", "--model", "vae", "--hidden", "5,x"), ("--hidden x", "not a whole number")),
    (("fit", "pictures", "--model", "vae", "--learning-rate", "fast"), ("--learning-rate fast", "not a number")),
    (("fit", "pictures", "--model", "vae", "--learning-rate", "inf"), ("--learning-rate inf", "not a finite number")),
    (("sample",), ("RUN", "missing")),
    (("fit", "words.txt", "--time", "-5m"), ("--time -5m: a value that begins with -", "--time=-5m")),
    (("sample", "runs/typo", "--temperature", "0.5"), ("runs/typo: no run", "--temperature", "spelt right")),
    (("sample", "run", "-n", "0"), ("-n 0", "1 or more")),
    (("sample", "run", "-n"), ("-n: a value is missing",)),
    (("sample", "run", "--temprature", "1"), ("--temprature", "no such flag")),
    (("evaluate", "run", "--samples", "0"), ("--samples 0", "1 or more")),
    (("predict", "run"), ("FILES", "missing")),
    (("predict", "run", "pictures", "--conformal", "most"), ("--conformal most", "not a number")),
    (("predict", "run", "pictures", "--sample", "3"), ("--sample", "no such flag")),
    (("anomalies", "run"), ("DATA", "missing")),
    (("anomalies", "run", "pictures", "--flag", "-1"), ("--flag -1", "0 or more")),
    (("anomalies", "run", "pictures", "--by", "score"), ("--by score", "best, nearest, return")),
    (("export", "run", "--format", "pickle"), ("--format pickle", "onnx, safetensors")),
    (("models", "vea"), ("vea", "Did you mean vae?")),
    (("models", "vae", "--set", "huge"), ("--set huge", "paper, small")),
    (("models", "vae", "--shape", "3x0x4"), ("--shape 3x0x4", "3x64x64")),
    (("models", "vae", "--shape", "9x64x64"), ("--shape 9x64x64", "1 to 4")),
    (("models", "--classes", "3"), ("--classes", "of which model?")),
    (("data",), ("DATA", "missing")),
    (("data", "nowhere"), ("nowhere", "no such file, folder or named set")),
    (("data", "pictures", "--model", "vae"), ("--model", "no such flag")),
]


@pytest.mark.parametrize(("words", "says"), AT_ONCE, ids=[" ".join(w)[:40] for w, _ in AT_ONCE])
def test_a_wrong_word_is_one_line(office, words, says):
    before = office.files()
    office.reverie(*words).refused(*says)
    assert office.files() == before


# these get as far as the data, a run or a model
FURTHER = [
    (("fit", "nowhere"), ("nowhere", "no such file, folder or named set")),
    (("fit", "pictures", "--model", "vae", "--set", "tiny", "--time", "10x"), ("--time 10x", "10m")),
    ((*FIT, "--time", "3m"), ("--steps 2", "one of the two")),
    (("fit", "pictures", "--model", "vae", "--set", "huge"), ("--set huge", "paper, small")),
    ((*FIT, "--latents", "0"), ("latents",)),
    ((*FIT, "--held-out", "2"), ("--held-out 2",)),
    ((*FIT, "--batch", "2", "--shards", "4"), ("--batch 2 --shards 4",)),
    (("fit", "words.txt", "--model", "vae", "--steps", "2"), ("vae", "categories")),
    (("fit", "pictures", "--model", "dcgan", "--steps", "2", "--out", "run"), ("--model dcgan", "run of vae", "--out")),
    (("fit", "pictures", "--out", "run", "--latents", "9"), ("--latents 9", "trained with 4", "--out")),
    (
        ("fit", "pictures", "--model", "vae", "--out", "run", "--learning-rate", "9"),
        ("--learning-rate 9.0: ", "trained"),
    ),
    (("fit", "words.txt", "--out", "run"), ("words.txt", "--out")),
    (("fit", "pictures", "--out", "run", "--steps", "2"), ("planned for 4", "more --steps than 4")),
    ((*FIT, "--out", "pictures"), ("pictures", "not empty", "--out")),
    ((*FIT, "--out", "words.txt/run"), ("words.txt", "--out")),
    (("sample", "nowhere"), ("nowhere", "no run")),
    (("sample", "pictures"), ("pictures", "no run", "reverie fit")),
    (("sample", "run", "--label", "cat"), ("--label cat", "no labels")),
    (("sample", "run", "--out", "pictures"), ("--out pictures", "not empty")),
    (("sample", "run", "--out", "words.txt"), ("--out words.txt", "Name a folder")),
    (("sample", "run", "--grid", "pictures"), ("--grid pictures", "Name a file")),
    (("sample", "run", "--grid", "words.txt"), ("--grid words.txt", "nothing is overwritten")),
    ((*FIT, "--batch", "9" * 12), ("--batch 999999999999", "more than this machine has")),
    ((*FIT, "--size", "99999"), ("--size 99999: ", "more than 16,384 pixels")),
    ((*FIT, "--predict", "age"), ("--predict age", "pictures say classes", "--predict labels")),
    (("data", "pictures", "--predict", "next2"), ("--predict next2", "pictures say classes", "--predict labels")),
    (("evaluate", "words.txt"), ("words.txt", "no run")),
    (("predict", "nowhere", "pictures"), ("nowhere", "no run")),
    (("anomalies", "nowhere", "pictures"), ("nowhere", "no run")),
    (("anomalies", "run", "nothing"), ("nothing", "no such file")),
    (("anomalies", "run", "pictures", "--flag", "0.01"), ("--flag 0.01", "99 held-out items", "there are 3")),
    (("anomalies", "run", "pictures", "--normal", "good"), ("--normal good", "no labels")),
    (("models", "vae", "--shape", "64", "--vocabulary", "9"), ("vae", "categories")),
    (("models", "vae", "--shape", "64"), ("vocabulary", "--vocabulary 65")),
]


@pytest.mark.parametrize(("words", "says"), FURTHER, ids=[" ".join(w)[:60] for w, _ in FURTHER])
def test_a_wrong_wish_is_one_line(office, typed, words, says):
    before = office.files()
    typed(*words).refused(*says)
    assert office.files() == before


# ---------------------------------------------------------------------------------------------------------------- data


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises that many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    body = b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def truncated(folder):
    whole = (folder / "000.png").read_bytes()
    (folder / "bad.png").write_bytes(whole[: len(whole) // 2])


BAD_PICTURES = {
    "a truncated PNG": truncated,
    "a text named .png": lambda folder: (folder / "bad.png").write_text("I am no picture, whatever my name says"),
    "a file of 0 bytes": lambda folder: (folder / "bad.png").touch(),
    "an image bomb": lambda folder: (folder / "bad.png").write_bytes(png_of(60_000, 60_000)),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_bad_picture_stops_fit_and_is_left_out_on_request(office, desk, name):
    folder = desk.folder / "pictures"
    shutil.copytree(office.folder / "pictures", folder)
    BAD_PICTURES[name](folder)
    before = desk.files()
    said = desk.reverie("data", "pictures", "--json")
    assert said.code == 0
    assert len(said.json["bad"]) == 1
    assert "bad.png" in said.json["bad"][0]
    desk.reverie(*FIT).refused("bad.png", "--skip-bad")
    assert desk.files() == before
    done = desk.reverie(*FIT, "--skip-bad", "--out", "run", "--json")
    assert done.code == 0, done.err
    assert done.json["steps"] == 2


def test_an_empty_folder_is_one_line(desk):
    (desk.folder / "nothing").mkdir()
    desk.reverie("fit", "nothing").refused("nothing")
    desk.reverie("data", "nothing").refused("nothing")


def idx(values: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes())


def test_labels_of_the_wrong_length_are_one_line(desk):
    folder = desk.folder / "digits"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(idx(np.zeros((20, 28, 28), np.uint8)))
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(idx(np.zeros(19, np.uint8)))
    desk.reverie("fit", "digits", "--model", "vae", "--set", "tiny").refused("19", "20")


def test_a_text_that_is_not_utf8_is_one_line(desk):
    (desk.folder / "old.txt").write_bytes("Küche, Straße, Öl. ".encode("latin-1") * 500)
    desk.reverie("fit", "old.txt", "--model", "gpt", "--steps", "2").refused("old.txt", "UTF-8")


def test_arrays_that_would_run_code_are_one_line(desk):
    np.save(desk.folder / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    desk.reverie("fit", "objects.npy").refused("objects.npy")


# ---------------------------------------------------------------------------------------------------------------- runs


def broken_json(run):
    (run / "run.json").write_text("{")


def newer(run):
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "format": 99}))


def strange_model(run):
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "model": "nomodel"}))


def other_weights(run):
    file = run / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def edited(*path, value):
    """run.json with a value in another's place; None: without it."""

    def edit(run):
        info = json.loads((run / "run.json").read_text())
        held = info
        for key in path[:-1]:
            held = held[key]
        if value is None:
            del held[path[-1]]
        else:
            held[path[-1]] = value
        (run / "run.json").write_text(json.dumps(info))

    return edit


def other_checkpoint(run):
    import torch

    held = torch.load(run / "last.ckpt", weights_only=True)
    held["trainer"]["model"] = {f"{name}.more": value for name, value in held["trainer"]["model"].items()}
    torch.save(held, run / "last.ckpt")


SPOILT = {
    "run.json is nested without end": (
        lambda run: (run / "run.json").write_text('{"a":' * 100_000),
        ("sample", "run"),
        "run.json: not readable as a run",
    ),
    "run.json names no data": (edited("source", "where", value=None), ("sample", "run"), "its source.where is spoilt"),
    "run.json has words for a config": (edited("config", value="x"), ("sample", "run"), "its config is spoilt ('x')"),
    "run.json lacks a field": (edited("spec", "kind", value=None), ("sample", "run"), "its spec is spoilt (KeyError"),
    "run.json's codec is of another": (edited("codec", value={"a": 1}), ("sample", "run"), "Take it from a run.json"),
    "run.json has a field of no model": (edited("config", "a", value=1), ("sample", "run"), "its config is spoilt"),
    "run.json has a word for a number": (edited("config", "latents", value="x"), ("sample", "run"), "config or spec"),
    "run.json has a size that no network has": (
        edited("spec", "fields", "image", "shape", value=[1, -16, 20]),
        ("sample", "run"),
        "is spoilt",
    ),
    "run.json is cut": (broken_json, ("sample", "run"), "run.json"),
    "run.json is of the future": (newer, ("sample", "run"), "format 99"),
    "run.json names another's model": (strange_model, ("sample", "run"), "nomodel"),
    "the checkpoint is another model's": (
        other_checkpoint,
        ("fit", "pictures", "--out", "run", "--steps", "9"),
        "last.ckpt: of another model",
    ),
    "the weights are cut": (other_weights, ("sample", "run"), "weights.safetensors"),
    "the weights are gone": (lambda run: (run / "weights.safetensors").unlink(), ("sample", "run"), "weights"),
    "the checkpoint is noise": (
        lambda run: (run / "last.ckpt").write_bytes(b"\x80\x04noise" * 50),
        ("fit", "pictures", "--out", "run", "--steps", "9"),
        "last.ckpt",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_run_is_one_line_and_stays_as_it_is(office, desk, name):
    shutil.copytree(office.folder / "pictures", desk.folder / "pictures")
    shutil.copytree(office.folder / "run", desk.folder / "run")
    spoil, words, says = SPOILT[name]
    spoil(desk.folder / "run")
    before = desk.files()
    desk.reverie(*words).refused(says)
    assert desk.files() == before
