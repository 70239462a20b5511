"""Names of files and folders that are no UTF-8, as old archives have them: all the way from fit to a table."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from reverie.cli import main

LATIN = "caf\udce9"  # b"caf\xe9", as Python has such a name
SHOWN = "caf\\udce9"


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / ".cache"))

    def run(*words):
        code = main(list(map(str, words)))
        found = capsys.readouterr()
        assert code == 0, found.err
        return found

    return run


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / f"pictures {LATIN}"
    noise = np.random.default_rng(0)
    for i in range(24):
        place = folder / (LATIN if i % 2 else "tea")
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            pytest.skip("this file system takes UTF-8 names alone")
        name = f"{i:02d}{LATIN if i % 3 == 0 else ''}.png"
        Image.fromarray(noise.integers(0, 256, (8, 8), dtype=np.uint8)).save(place / name)
    return folder


def test_a_run_of_such_names_is_sampled_judged_gone_on_with_and_asked(tmp_path, pictures, typed):
    run = "run"
    fit = ("fit", pictures, "--model", "vae", "--set", "tiny", "--conditional", "--out", run)
    assert main([*map(str, fit[:-1]), f"run {LATIN}", "--steps", "2"]) == 2
    assert not (tmp_path / f"run {LATIN}").exists()
    typed(*fit, "--steps", 2)
    info = json.loads((tmp_path / run / "run.json").read_text())
    assert info["source"]["where"] == str(pictures)
    typed(*fit, "--steps", 3)  # the data is found again
    found = typed("sample", run, "-n", 2, "--label", LATIN, "--out", "made", "--json")
    assert json.loads(found.out)["files"]
    typed("evaluate", run, "--samples", 8)
    assert SHOWN in (tmp_path / run / "report" / "report.html").read_text()

    typed("embed", run, pictures, "--to", 2, "--out", "codes.csv", "--plot", "plane.png")
    typed("embed", run, pictures, "--to", 2, "--out", "codes.parquet", "--plot", "plane.svg")
    typed("anomalies", run, pictures, "--out", "odd.csv")
    typed("reconstruct", run, pictures, "--out", "back")
    assert SHOWN in (tmp_path / "codes.csv").read_text()
    assert SHOWN in (tmp_path / "odd.csv").read_text()
    assert any(SHOWN in name for name in pq.read_table(tmp_path / "codes.parquet")["item"].to_pylist())
