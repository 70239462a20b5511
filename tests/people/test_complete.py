"""`reverie complete` as a person meets it."""

from argparse import Namespace
from pathlib import Path

import pytest

from reverie.commands.complete import prompt
from reverie.errors import Problem


@pytest.fixture(scope="module")
def written(office):
    done = office.reverie("fit", "words.txt", "--model", "gpt", "--set", "tiny", "--steps", 60, "--out", "text-run")
    assert done.code == 0, done.err
    (office.folder / "begin.txt").write_text("to be")
    (office.folder / "latin.txt").write_bytes(b"caf\xe9")
    (office.folder / "mine-grid.txt").write_text("mine")
    return office


def test_a_text_is_streamed_to_its_end_and_is_the_same_in_json(written, typed):
    shown = typed("complete", "text-run", "--prompt", "to be", "--length", 20, "--seed", 2)
    assert shown.code == 0, shown.err
    assert shown.out.startswith("to be")
    again = typed("complete", "text-run", "--prompt-file", "begin.txt", "--length", 20, "--seed", 2, "--json")
    assert again.json["completions"] == [shown.out.removesuffix("\n")]
    assert len(again.json["completions"][0]) == 25


def test_a_prompt_comes_from_standard_input_too(written):
    done = written.reverie("complete", "text-run", "--prompt", "-", "--length", 5, input=b"or not")
    assert done.code == 0, done.err
    assert done.out.startswith("or not")
    assert len(done.out) == 12


def test_standard_input_that_is_not_utf8_is_one_line(written):
    done = written.reverie("complete", "text-run", "--prompt", "-", input=b"caf\xe9")
    done.refused("--prompt -: not UTF-8 at byte 3 (0xe9)")


def test_a_line_s_end_is_of_a_text_and_not_of_a_name(tmp_path):
    (tmp_path / "lines.txt").write_text("CCO\n")
    asked = Namespace(prompt=None, prompt_file=str(tmp_path / "lines.txt"))
    assert prompt(asked, "molecule") == "CCO"
    assert prompt(asked, "text") == "CCO\n"
    with pytest.raises(Problem, match=r"--prompt-file .*: of a text\. Name the tune"):
        prompt(asked, "music")


def test_several_are_written_as_files_where_a_folder_is_named(written, typed):
    done = typed("complete", "text-run", "--prompt", "to ", "-n", 3, "--length", 8, "--out", "told", "--json")
    assert len(done.json["completions"]) == 3
    texts = [(written.folder / "told" / f"sample-{k:06d}.txt").read_text() for k in range(3)]
    assert texts == done.json["completions"]
    typed("complete", "text-run", "--prompt", "to ", "--out", "told").refused("--out told", "nothing is overwritten")


def test_the_folder_that_one_is_in_is_a_place(written, at):
    (written.folder / "here").mkdir()
    done = at(written.folder / "here")("complete", "../text-run", "--prompt", "to ", "--length", 8, "--out", ".")
    assert done.code == 0, done.err
    assert [file.name for file in (written.folder / "here").iterdir()] == ["sample-000000.txt"]
    assert (written.folder / "here-grid.txt").is_file()


def test_a_place_of_the_runs_own_is_called_by_all_that_was_asked():
    """What is asked for otherwise does not take the place of what was made before."""
    from reverie.commands.places import places

    def called(prompt, **more):
        args = Namespace(**{"out": None, "seed": 0, "label": None, "attribute": None, **more})
        return places(args, Path("run"), "-grid.png", "complete", prompt).folder.name

    assert called("tune.mid") == "complete-tune-mid-seed-0"
    asked = [
        called("*c1ccc(*)cc1"),
        called("*c1ccc*cc1"),
        called("x" * 300),
        called("x" * 301),
        called("tune.mid", label="a"),
        called("tune.mid", **{"field:temperature": 0.5}),
        called("tune.mid", attribute={"qed": 0.9}),
    ]
    assert len({*asked, called("tune.mid")}) == 8
    assert all(len(name) < 100 and name.replace("-", "").isalnum() for name in asked)


WRONG = [
    (("--prompt", "zebra 漢"), ("'z' (U+007A), '漢' (U+6F22)", "not among the")),
    ((), ("no --prompt", "--prompt-file FILE")),
    (("--prompt", "to", "--prompt-file", "begin.txt"), ("both --prompt and --prompt-file",)),
    (("--prompt-file", "nowhere.txt"), ("nowhere.txt", "can't be read")),
    (("--prompt-file", "latin.txt"), ("latin.txt", "not UTF-8 at byte 3 (0xe9)")),
    (("--prompt", "to", "--label", "x"), ("--label x", "takes no labels")),
    (("--prompt", "to", "--temperature", "-1"), ("--temperature -1", "from 0 up")),
    (("--prompt", "to", "--repetition-penalty", "0"), ("--repetition-penalty 0", "not above 0")),
    (("--prompt", "to", "-n", "0"), ("-n 0", "1 or more")),
    (("--prompt", "to", "--out", "mine"), ("--out mine: mine-grid.txt goes beside it", "Name another place")),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=[" ".join(w)[:50] or "none" for w, _ in WRONG])
def test_a_wrong_wish_is_one_line_and_nothing_changes(written, typed, words, says):
    before = written.files()
    typed("complete", "text-run", *words).refused(*says)
    assert written.files() == before


def test_a_run_that_writes_nothing_says_so(written, typed):
    typed("complete", "run", "--prompt", "to").refused("vae goes on from nothing", "reverie models")
