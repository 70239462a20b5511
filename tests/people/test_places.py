"""Where files go that a person has named a place for: the folder that one is in, and what lies beside."""

import pytest


@pytest.fixture
def inside(office, at):
    """A new folder, and commands from within it; runs lie above."""
    made = []

    def enter(name):
        folder = office.folder / "places" / name
        folder.mkdir(parents=True)
        made.append(folder)
        return folder, at(folder)

    return enter


def test_samples_go_into_the_folder_that_one_is_in(inside):
    folder, said = inside("here")
    done = said("sample", "../../run", "-n", 2, "--out", ".")
    assert done.code == 0, done.err
    assert len(list(folder.iterdir())) == 2
    assert (folder.parent / "here-grid.png").is_file()


def test_copies_do_not_take_the_place_of_the_folder_that_one_is_in(inside):
    folder, said = inside("copies")
    said("denoise", "../../run", "../../pictures", "--out", ".").refused("--out .", "you are in", "--out ./copies")
    assert folder.is_dir()
    assert not list(folder.iterdir())


@pytest.mark.parametrize(("words", "there"), [
    (("sample", "run", "-n", 2, "--out", "new"), "new-grid.png"),
    (("traverse", "run", "--dims", 1, "--out", "moved.png"), "moved-latents.csv"),
])  # fmt: skip
def test_what_lies_beside_a_named_place_is_not_written_over(office, typed, words, there):
    (office.folder / there).write_text("mine")
    before = office.files()
    typed(*words).refused(f"--out {words[-1]}", there, "nothing is overwritten")
    assert office.files() == before
    (office.folder / there).unlink()
    assert typed(*words).code == 0


def test_samples_that_were_asked_for_otherwise_lie_beside_those_of_before(office, typed):
    done = typed(
        "fit",
        "pictures",
        "--model",
        "dcgan",
        "--set",
        "tiny",
        "--size",
        16,
        "--prior",
        "normal",
        "--steps",
        1,
        "--out",
        "cut",
    )
    assert done.code == 0, done.err
    for words, name in (((), "seed-0"), (("--truncation", "0.7"), "seed-0-truncation-0-7")):
        assert typed("sample", "cut", "-n", 2, *words).code == 0
        assert len(list((office.folder / "cut" / "samples" / name).iterdir())) == 2
        assert (office.folder / "cut" / "samples" / f"{name}-grid.png").is_file()
    assert len(list((office.folder / "cut" / "samples" / "seed-0").iterdir())) == 2
