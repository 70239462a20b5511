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
