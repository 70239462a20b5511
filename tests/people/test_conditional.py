"""A conditional vae as a person meets it: samples of a class by its name, and one line where there is none."""

import pytest

FIT = ("fit", "demo-fashion", "--model", "vae", "--set", "tiny", "--steps", 3, "--conditional", "--out", "clothes")


@pytest.fixture
def clothes(office, typed):
    if not (office.folder / "clothes").is_dir():
        done = typed(*FIT)
        assert done.code == 0, done.err
    return typed


def test_a_class_is_asked_for_by_name_and_its_samples_differ_from_another_s(office, clothes):
    places = []
    for label in ("Bag", "Sneaker"):
        done = clothes("sample", "clothes", "-n", 2, "--label", label, "--out", f"made-{label}", "--json")
        assert done.code == 0, done.err
        places.append([office.folder / file for file in done.json["files"] if str(file).endswith(".png")])
    first, second = ([place.read_bytes() for place in files] for files in places)
    assert len(first) == len(second) >= 2
    assert first != second
    clothes("sample", "clothes", "-n", 2, "--label", "Boat").refused("--label Boat", "no such class", "Bag")


def test_the_report_says_what_a_code_holds(clothes):
    done = clothes("evaluate", "clothes", "--samples", 60, "--json")
    assert done.code == 0, done.err
    names = {metric["name"] for metric in done.json["metrics"]}
    assert {"rate_nats", "rate_bits", "distortion_nats", "active_units", "reconstruction_rmse"} <= names
    assert {"reconstruction_sharpness", "sharpness_60", "nll_nats_is50", "bits_per_dim"} <= names
    assert any(line.startswith("A code holds ") for line in done.json["headline"])


def test_data_without_classes_are_refused(clothes):
    done = clothes("fit", "pictures", "--model", "vae", "--set", "tiny", "--conditional", "--out", "none")
    done.refused("--conditional", "no classes")
