"""What is done with codes, as a person meets it: what is printed, what --json holds, bad input by the dozen."""

import shutil

import numpy as np
import pytest
from PIL import Image

DONE = {  # what is typed, and what the JSON holds
    "embed": (
        ("embed", "run", "pictures", "--to", "2", "--clusters", "3", "--plot", "plane.png"),
        {"items", "axes", "measures"},
    ),
    "reconstruct": (("reconstruct", "run", "pictures", "--out", "back"), {"items", "mean", "table"}),
    "denoise": (("denoise", "run", "pictures", "--out", "clean", "--sheet", "seen.png"), {"pictures", "out"}),
    "interpolate": (
        ("interpolate", "run", "pictures/000.png", "pictures/001.png", "--gif", "path.gif"),
        {"steps", "ends", "largest_over_mean_step", "space"},
    ),
    "two samples": (("interpolate", "run", "--seed", "1", "--spherical", "--out", "arc.png"), {"steps"}),
    "traverse": (("traverse", "run", "--dims", "2"), {"latents", "shifts"}),
}


@pytest.mark.parametrize("name", DONE)
def test_a_task_prints_one_object_and_names_its_files(office, typed, name):
    words, keys = DONE[name]
    found = typed(*words, "--json")
    assert found.code == 0, found.err
    assert keys | {"notes", "files", "next"} <= set(found.json)
    assert found.json["files"]
    assert all((office.folder / file).is_file() for file in found.json["files"])


def test_a_task_says_its_files_and_the_next_command(office, typed):
    said = typed("embed", "run", "pictures", "--out", "codes.csv")
    assert "wrote codes.csv" in said.out
    assert "next: reverie traverse run" in said.out
    assert (office.folder / "codes.csv").read_text().startswith("item,z0,z1,z2,z3\n")


AT_ONCE = [  # none of these needs torch or reads data
    (("embed", "run"), ("DATA", "missing")),
    (("embed",), ("RUN", "missing")),
    (("embed", "run", "pictures", "--to", "0"), ("--to 0", "1 or more")),
    (("embed", "run", "pictures", "--to", "two"), ("--to two", "not a whole number")),
    (("embed", "run", "pictures", "--clusters", "1"), ("--clusters 1", "2 or more")),
    (("embed", "run", "pictures", "--by", "mds"), ("--by mds", "pca, tsne, umap")),
    (("embed", "run", "pictures", "--by", "tsne"), ("--by tsne", "--to 2")),
    (("reconstruct", "run"), ("FILES", "missing")),
    (("denoise", "run"), ("FILES", "missing")),
    (("interpolate",), ("RUN", "missing")),
    (("interpolate", "run", "--steps", "1"), ("--steps 1", "2 or more")),
    (("interpolate", "run", "a.png", "b.png", "--seed", "1"), ("--seed 1", "Leave one")),
    (("interpolate", "run", "a", "b", "c"), ("c: one thing too many",)),
    (("traverse", "run", "--dims", "0"), ("--dims 0", "1 or more")),
    (("project", "run"), ("FILES", "missing")),
    (("project", "run", "a.png", "--steps", "0"), ("--steps 0", "1 or more")),
    (("mix", "run", "--rows", "0"), ("--rows 0", "1 or more")),
    (("mix", "run", "a.png", "b.png", "--rows", "4"), ("--rows 4", "Leave one")),
    (("mix", "run", "a.png", "b.png", "--columns", "1"), ("--columns 1", "Leave one")),
    (("mix", "run", "a.png", "b.png", "--seed", "0"), ("--seed 0", "Leave one")),
    (("mix", "run", "--steps", "50"), ("--steps 50", "samples need none")),
    (("traverse", "run", "--reach", "wide"), ("--reach wide", "not a number")),
]


@pytest.mark.parametrize(("words", "says"), AT_ONCE, ids=[" ".join(w)[:50] for w, _ in AT_ONCE])
def test_a_wrong_word_is_one_line(office, typed, words, says):
    before = office.files()
    typed(*words).refused(*says)
    assert office.files() == before


@pytest.fixture
def spoilt(office):
    """Beside the pictures: one of another size, one in colour, a broken one, words, and a run without codes."""
    place = office.folder
    if not (place / "gan").exists():
        done = office.reverie(
            "fit", "pictures", "--model", "dcgan", "--set", "tiny", "--size", 16, "--steps", 1, "--out", "gan"
        )
        assert done.code == 0, done.err
        for name in ("wide", "colour", "broken", "words"):
            (place / name).mkdir()
        Image.fromarray(np.zeros((9, 20), np.uint8)).save(place / "wide" / "w.png")
        Image.fromarray(np.zeros((16, 20, 3), np.uint8)).save(place / "colour" / "c.png")
        whole = (place / "pictures" / "000.png").read_bytes()
        (place / "broken" / "b.png").write_bytes(whole[: len(whole) // 2])
        (place / "words" / "w.txt").write_text("no picture")
    return office


FURTHER = [
    (("embed", "nowhere", "pictures"), ("nowhere", "no run")),
    (("embed", "run", "nowhere"), ("nowhere", "no such file")),
    (("embed", "run", "words"), ("words", "without pictures")),
    (("embed", "run", "broken"), ("b.png", "broken image")),
    (("embed", "gan", "pictures"), ("dcgan can't encode", "reverie models")),
    (("embed", "run", "pictures", "--to", "5"), ("--to 5", "4 or fewer")),
    (("embed", "run", "pictures", "--clusters", "31"), ("31 clusters", "30 items")),
    (("embed", "run", "pictures", "--out", "pictures"), ("--out pictures", "Name a file")),
    (("embed", "run", "pictures", "--out", "codes.xlsx"), ("--out codes.xlsx", ".parquet")),
    (("embed", "run", "pictures", "--plot", "plane.pdf"), ("--plot plane.pdf", ".png, .svg")),
    (("embed", "run", "pictures", "--plot", "pictures/000.png"), ("--plot pictures/000.png", "among the data")),
    (("reconstruct", "gan", "pictures"), ("dcgan can't encode",)),
    (("reconstruct", "run", "pictures", "--out", "pictures"), ("--out pictures", "not empty")),
    (("reconstruct", "run", "pictures", "--out", "words.txt"), ("--out words.txt", "Name a folder")),
    (("denoise", "gan", "pictures"), ("dcgan can't encode",)),
    (("denoise", "run", "wide"), ("wide/w.png: 9×20", "16×20", "Nothing is resized")),
    (("denoise", "run", "colour"), ("colour/c.png", "RGB (3 channels)", "grey (1)")),
    (("denoise", "run", "broken"), ("broken/b.png", "broken image")),
    (("denoise", "run", "words"), ("words", "no pictures")),
    (("denoise", "run", "pictures", "--out", "pictures"), ("--out pictures", "not empty")),
    (("denoise", "run", "pictures", "--out", "pictures/clean"), ("--out pictures/clean", "only read")),
    (("denoise", "run", "pictures", "pictures"), ("000.png", "of the same name")),
    (("denoise", "run", "pictures", "--out", "new", "--sheet", "new/s.png"), ("--sheet new/s.png",)),
    (("interpolate", "gan", "pictures", "pictures/001.png"), ("31 pictures", "Name two files")),
    (("interpolate", "gan", "--space", "w"), ("--space w", "There are: z")),
    (("project", "run", "pictures"), ("vae's samples come from no code", "reverie models")),
    (("project", "gan", "pictures/000.png", "--space", "w"), ("--space w", "There are: z")),
    (("project", "gan", "pictures/000.png", "--label", "x"), ("--label x", "dcgan takes no labels")),
    (("project", "gan", "nowhere"), ("nowhere", "no such file")),
    (("project", "gan", "broken"), ("b.png", "broken image")),
    (("project", "gan", "pictures", "--out", "pictures"), ("--out pictures", "not empty")),
    (("mix", "gan"), ("dcgan have no parts", "stylegan2")),
    (("mix", "run"), ("vae have no parts",)),
    (("interpolate", "run", "pictures", "pictures/001.png"), ("pictures holds 30", "two items")),
    (("interpolate", "run", "pictures/000.png"), ("holds 1", "two items")),
    (("interpolate", "run", "--out", "pictures"), ("--out pictures", "Name a file")),
    (("interpolate", "run", "--out", "wide/w.png"), ("--out wide/w.png", "nothing is overwritten")),
    (("traverse", "run", "--out", "wide/w.png"), ("--out wide/w.png", "nothing is overwritten")),
    (("embed", "run", "pictures", "--plot", "wide/w.png"), ("--plot wide/w.png", "nothing is overwritten")),
    (("interpolate", "run", "--out", "path.jpg"), ("--out path.jpg", ".png")),
    (("interpolate", "run", "--gif", "path.png"), ("--gif path.png", ".gif")),
    (("traverse", "gan", "--dims", "500"), ("--dims 500", "numbers")),
    (("traverse", "gan", "--space", "w"), ("--space w", "There are: z")),
    (("traverse", "run", "--dims", "5"), ("--dims 5", "4 or fewer")),
    (("traverse", "run", "--reach", "0"), ("--reach 0", "not above 0")),
    (("traverse", "run", "--out", "pictures"), ("--out pictures", "Name a file")),
    (("traverse", "run", "--item", "pictures"), ("--item pictures", "a file of one")),
]


@pytest.mark.parametrize(("words", "says"), FURTHER, ids=[" ".join(w)[:60] for w, _ in FURTHER])
def test_a_wrong_wish_is_one_line_and_nothing_changes(spoilt, typed, words, says):
    before = spoilt.files()
    typed(*words).refused(*says)
    assert spoilt.files() == before


def test_a_folder_of_copies_is_not_written_twice(office, desk, typed):
    assert typed("denoise", "run", "pictures").code == 0
    before = office.files()
    typed("denoise", "run", "pictures").refused("run/denoised", "not empty")
    assert office.files() == before
    shutil.rmtree(office.folder / "run" / "denoised")


@pytest.mark.parametrize("verb", ["embed", "reconstruct", "denoise", "interpolate", "traverse"])
def test_help_loads_no_torch(office, verb):
    import subprocess
    import sys

    code = f"import sys; from reverie.cli import main; main(['{verb}', '--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120).returncode == 0
