"""A conditional vae as a person meets it: samples of a class that is asked for, and one line where there is none."""

import pytest

FIT = ("fit", "demo-fashion", "--model", "vae", "--set", "tiny", "--steps", 3, "--conditional", "--out", "clothes")


@pytest.fixture
def clothes(office, typed):
    if not (office.folder / "clothes").is_dir():
        done = typed(*FIT)
        assert done.code == 0, done.err
    return typed


def test_a_class_is_asked_for_and_its_samples_differ_from_another_s(office, clothes):
    places = []
    for label in ("8", "7"):
        done = clothes("sample", "clothes", "-n", 2, "--label", label, "--out", f"made-{label}", "--json")
        assert done.code == 0, done.err
        places.append([office.folder / file for file in done.json["files"] if str(file).endswith(".png")])
    first, second = ([place.read_bytes() for place in files] for files in places)
    assert len(first) == len(second) >= 2
    assert first != second
    clothes("sample", "clothes", "-n", 2, "--label", "Boat").refused("--label Boat", "no such class", "9")


def test_the_report_says_what_a_code_holds(clothes):
    done = clothes("evaluate", "clothes", "--samples", 60, "--json")
    assert done.code == 0, done.err
    names = {metric["name"] for metric in done.json["metrics"]}
    assert {"rate_nats", "rate_bits", "distortion_nats", "active_units", "reconstruction_rmse"} <= names
    assert {"reconstruction_sharpness", "sharpness_60", "nll_nats_is50", "bits_per_dim"} <= names
    assert any(line.startswith("A code holds ") for line in done.json["headline"])


def test_items_without_labels_are_enough_where_codes_hang_on_none(office, clothes):
    """A vq_vae's classes go into its prior alone; a conditional vae's codes hold the class."""
    done = clothes("fit", "demo-fashion", "--model", "vq_vae", "--set", "tiny", "--steps", 2, "--out", "grids")
    assert done.code == 0, done.err
    made = clothes("sample", "grids", "-n", 3, "--label", "8", "--out", "loose", "--json")
    assert made.code == 0, made.err
    for words in (("reconstruct",), ("embed",), ("anomalies",), ("denoise", "--out", "cleaned")):
        done = clothes(words[0], "grids", "loose", *words[1:])
        assert done.code == 0, done.err
    clothes("embed", "clothes", "loose").refused("a code holds its item's label", "Give a folder a class")
    clothes("denoise", "clothes", "loose").refused("its codes hang on an item's label", "Name a run without")


def test_data_without_classes_are_refused(clothes):
    done = clothes("fit", "pictures", "--model", "vae", "--set", "tiny", "--conditional", "--out", "none")
    done.refused("--conditional", "no classes")
