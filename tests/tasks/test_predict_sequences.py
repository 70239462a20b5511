"""The verbs for sentence pairs: a translator is chosen, trained, judged, and asked."""

import csv
import json

import pytest
import torch

import reverie
from reverie.cli import main
from reverie.errors import Problem
from reverie.judging.sequences import of_sequences
from reverie.judging.words import headline
from reverie.metrics import Metric
from reverie.metrics.translation import bleu, chrf
from reverie.tasks import sequences
from reverie.training.run import Run

WORDS = {"the": "die", "red": "rote", "old": "alte", "sees": "sieht", "cat": "Katze", "cow": "Kuh", "hen": "Henne"}


STRANGE = ("Quick zebras vex jumpy dwarfs", "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich.")


def pair(chance: torch.Generator) -> tuple[str, str]:
    """Of 5 to 7 words: each animal may have a colour or an age, or neither."""
    names, kinds = ("cat", "cow", "hen"), ("red", "old", "")
    pick = [int(torch.randint(3, (), generator=chance)) for _ in range(4)]
    english = f"the {kinds[pick[0]]} {names[pick[1]]} sees the {kinds[pick[2]]} {names[pick[3]]}".split()
    return " ".join(english).capitalize() + ".", " ".join(WORDS[w] for w in english).capitalize() + "."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """81 sentences, each of them often: what is held out is known, so that little training translates it; but for one
    in the middle, of which no word is known."""
    where, chance = tmp_path_factory.mktemp("pairs"), torch.Generator().manual_seed(0)
    for stem, count in (("train", 600), ("val", 30), ("test", 40)):
        both = [pair(chance) for _ in range(count)]
        if stem == "test":
            both[20] = STRANGE
        for k, code in enumerate(("en", "de")):
            (where / f"{stem}.{code}").write_text("".join(f"{one[k]}\n" for one in both), encoding="utf-8")
    return where


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "translator"
    return reverie.fit(folder, out=out, steps=200, set="tiny", predict="de", vocabulary=320)


def lines(file):
    return file.read_text(encoding="utf-8").splitlines()


def test_a_translator_is_chosen_and_says_its_direction(run):
    assert run.info["model"] == "seq2seq"
    assert run.info["source"]["notes"][0].startswith("translates en into de")
    assert [run.info["source"][k] for k in ("items", "held_out", "calibration")] == [600, 40, 30]


def test_no_calibration_is_left_by_what_writes_sequences(run):
    assert not (run.path / "calibration.json").exists()


def test_training_is_watched_by_nats_a_token(run):
    log = [json.loads(line) for line in lines(run.path / "log.jsonl")]
    looks = [line["held_out_nats"] for line in log if "held_out_nats" in line]
    assert looks[-1] < looks[0]


def test_answers_are_the_sentence_and_its_translation_in_the_order_of_the_file(run, folder):
    rows = run.predict(folder / "test.en").rows()
    assert [row["source"] for row in rows] == lines(folder / "test.en")
    assert list(rows[0]) == ["item", "source", "translation"]
    assert rows[4]["item"] == "line 5"
    said = [row["translation"] for row in rows]
    assert bleu(said, lines(folder / "test.de")).value > 30  # 0.0 of 100 where nothing is learnt or rows are mixed up
    mixed = bleu(said[1:] + said[:1], lines(folder / "test.de")).value
    assert bleu(said, lines(folder / "test.de")).value > mixed + 5


def test_the_truth_is_beside_the_answers_where_files_say_it(run, folder):
    answers = run.predict([folder / "test.en", folder / "test.de"])
    assert answers.columns["truth"] == lines(folder / "test.de")
    found = bleu(answers.columns["translation"], answers.columns["truth"], language="de")
    note = answers.notes[-1]
    assert f"BLEU {found.value:.1f} ({found.low:.1f} to {found.high:.1f})" in note
    assert f"chrF {chrf(answers.columns['translation'], answers.columns['truth']).value:.1f}" in note


def test_a_translation_does_not_hang_on_its_neighbours(run, folder):
    together = run.predict(folder / "test.en").columns["translation"]
    items = run.prepared.held_out
    assert sequences.written(run, items, torch.arange(len(items))) == together
    assert sequences.written(run, items, torch.tensor([7])) == [together[7]]
    assert sequences.written(run, items, torch.tensor([9, 2, 9])) == [together[9], together[2], together[9]]


def test_the_verb_writes_a_table(run, folder, tmp_path, capsys):
    assert main(["predict", str(run.path), str(folder / "test.en"), "--out", str(tmp_path / "said.csv")]) == 0
    assert "translation" in capsys.readouterr().out
    with open(tmp_path / "said.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["translation"] for row in rows] == run.predict(folder / "test.en").columns["translation"]


@pytest.mark.parametrize("flag", ["--conformal", "--with"])
def test_sequences_have_no_sets_and_no_mean(run, folder, flag, capsys):
    value = "0.9" if flag == "--conformal" else str(run.path)
    assert main(["predict", str(run.path), str(folder / "test.en"), flag, value]) == 2
    said = capsys.readouterr().err
    assert flag in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("name", "content"), [("empty.txt", b""), ("blank.txt", b"\n \n"), ("x.txt", b"\0\1")])
def test_files_without_a_sentence_are_refused_in_a_line(run, tmp_path, name, content, capsys):
    (tmp_path / name).write_bytes(content)
    assert main(["predict", str(run.path), str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert name in said
    assert said.count("\n") == 1


def test_the_report_holds_every_measure_and_the_hardest_sentences(run, folder):
    report = run.evaluate()
    names = [metric.name for metric in report.metrics]
    assert names == ["nll_nats_40", "perplexity_40", "bleu_40", "chrf_40", "exact_match_40"]
    assert report["perplexity"] == pytest.approx(torch.tensor(report["nll"]).exp().item())
    said, truth, read = (
        run.predict(folder / "test.en").columns["translation"],
        lines(folder / "test.de"),
        lines(folder / "test.en"),
    )
    assert report["bleu"] == pytest.approx(bleu(said, truth).value)
    metric = next(m for m in report.metrics if m.name == "bleu_40")
    assert metric.reference == pytest.approx(bleu(read, truth).value)
    assert "sacreBLEU nrefs:1|case:mixed" in metric.protocol
    assert "class='mistakes lines'" in report.html.read_text()
    assert any(line.startswith("BLEU") for line in report.headline)


def test_the_hardest_come_first_and_are_what_was_read_said_and_true(run, folder):
    _, worst = of_sequences(run, torch.arange(40), 5)
    near = [chrf([said], [true]).value for _, said, true in worst]
    assert near == sorted(near)
    assert len(worst) == 5
    assert (worst[0][0], worst[0][2]) == STRANGE
    both = dict(zip(lines(folder / "test.en"), lines(folder / "test.de")))
    assert all(both[read] == true for read, _, true in worst)


def test_fewer_samples_are_evenly_spaced(run):
    assert [m.samples for m in run.evaluate(samples=10).metrics] == [10] * 5


@pytest.mark.parametrize(("reference", "said"), [(30.0, "not surely better"), (5.0, "word for word the reference.")])
def test_the_verdict_says_whether_it_beats_the_source_as_it_is(reference, said):
    exact = Metric("exact_match_9", 0.1, "share", 9, "", 0.0, 0.3)
    assert headline([Metric("bleu_9", 31.0, "of 100", 9, "", 29.0, 33.0, reference=reference), exact])[0].endswith(
        said if said.endswith(".") else "leaving the source as it is (30.0)."
    )


def test_a_run_without_its_data_still_translates(run, folder, tmp_path):
    opened = Run.open(run.path)
    opened.info["source"]["where"] = str(tmp_path / "gone")
    assert opened.predict(folder / "test.en").columns == run.predict(folder / "test.en").columns
    with pytest.raises(Problem):
        opened.evaluate()
