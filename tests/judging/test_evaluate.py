"""A run is judged by what its model can do, and the report says so."""

import json
import re
import shutil
from dataclasses import replace
from html import escape

import numpy as np
import pytest
import torch
from PIL import Image

from clothes import clothes
from reverie.core import Field, Spec
from reverie.errors import Problem
from reverie.judging import items, judges, samples
from reverie.judging.evaluate import evaluate
from reverie.metrics import wilson
from reverie.tasks.sample import conditions
from reverie.training.fit import fit
from reverie.training.progress import Silent
from reverie.training.run import Run
from reverie.training.seeds import fold
from toys import Values

GAUSSIAN = ["frechet", "kid", "precision", "recall", "density", "coverage"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """120 real pictures in a folder a class, one class named to be troublesome."""
    base = tmp_path_factory.mktemp("data")
    for i, (x, y) in enumerate(zip(*clothes(120))):
        place = base / "clothes" / ("a<b> & 'c'" if y == 0 else f"class {y}")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[..., 0]).save(place / f"{i}.png")
    return base / "clothes"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """A run of any model, trained once for all tests."""
    runs = {}
    patch = pytest.MonkeyPatch()
    patch.setenv("REVERIE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))

    def of(model, steps=6):
        if model not in runs:
            out = tmp_path_factory.mktemp("runs") / model
            runs[model] = fit(folder, model, out=out, steps=steps, set="tiny", reporter=Silent())
        return Run.open(runs[model].path)

    yield of
    patch.undo()


def test_a_model_that_samples_gets_the_measures_of_its_kind(trained):
    run = trained("dcgan")
    report = evaluate(run, samples=12)
    assert [m.name for m in report.metrics[:6]] == [f"{name}_12" for name in GAUSSIAN]
    assert report["frechet"] == report.metrics[0].value
    for m in report.metrics[:6]:
        assert "12 of the untrained model" in m.protocol
        assert None not in (m.floor, m.reference)
    rest = {m.name for m in report.metrics[6:]}
    assert {"spread_12", "repeats_12", "copies_12", "copies_exact_12", "nearer_training_12"} <= rest


def test_a_model_with_a_likelihood_is_scored_too(trained):
    names = [m.name for m in evaluate(trained("vae"), samples=10, draws=3).metrics]
    assert names[:6] == [f"{name}_10" for name in GAUSSIAN]
    assert "nll_nats_is3" in names[6:]


def test_a_predictor_is_counted_not_sampled(trained):
    run = trained("convolutional")
    report = evaluate(run)
    held_out = run.prepared.held_out
    batch = held_out.take(torch.arange(len(held_out)))
    with torch.inference_mode():
        right = run.model.predict(batch).argmax(1) == batch["label"]
    whole = report.metrics[0]
    assert whole.name == f"accuracy_{len(held_out)}"
    assert whole.value == pytest.approx(float(right.double().mean()))
    assert (whole.low, whole.high) == wilson(int(right.sum()), len(held_out))
    assert whole.reference == pytest.approx(int(torch.bincount(batch["label"]).max()) / len(held_out))
    classes = [m for m in report.metrics if m.name.startswith("accuracy[")]
    assert sum(m.samples for m in classes) == len(held_out)
    assert sum(m.value * m.samples for m in classes) == pytest.approx(float(right.sum()))
    assert {m.name for m in classes} <= {f"accuracy[{name}]" for name in run.spec.condition["label"].names}


def test_the_same_call_gives_the_same_numbers_and_another_seed_does_not(trained):
    run = trained("dcgan")
    first, second = (evaluate(run, samples=10, seed=4).metrics for _ in range(2))
    assert first == second
    assert first != evaluate(run, samples=10, seed=5).metrics


def test_the_report_is_written_and_holds_the_numbers(trained):
    run = trained("dcgan")
    report = evaluate(run, samples=10)
    said = json.loads((run.path / "report" / "report.json").read_text())
    assert said["metrics"] == [m.to_json() for m in report.metrics]
    assert said["headline"] == report.headline
    page = report.html.read_text(encoding="utf-8")
    for m in report.metrics:
        assert m.name in page
        assert escape(m.protocol) in page
    assert sorted(p.name for p in report.folder.iterdir()) == ["report.html", "report.json"]  # nothing half written


@pytest.mark.parametrize("model", ["dcgan", "convolutional"])
def test_the_page_needs_nothing_and_runs_nothing(trained, model):
    page = evaluate(trained(model), samples=10).html.read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)\s*=\s*'(?!data:image/png;base64,)", page) == []
    for word in ("<script", "http:", "https:", "@import", "url(", "<link", "javascript:"):
        assert word not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_names_from_the_data_are_text_on_the_page(trained):
    page = evaluate(trained("convolutional")).html.read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "accuracy[a&lt;b&gt; &amp; &#x27;c&#x27;]" in page


def test_sampling_options_are_judged_as_asked_and_stamped_on_what_hangs_on_them(trained):
    run = trained("biggan")
    plain, cut, same = (evaluate(run, samples=10, **how) for how in ({}, {"truncation": 0.1}, {"truncation": 0.0}))
    assert cut["spread"] != plain["spread"]
    assert [m.value for m in same.metrics] == [m.value for m in plain.metrics]
    assert all(m.protocol.endswith("; samples drawn with --truncation 0.1") for m in cut.metrics)
    assert not [m for m in plain.metrics if "--truncation" in m.protocol]
    assert [note for note in cut.notes if note.startswith("samples were drawn with --truncation 0.1")]
    scored = evaluate(trained("vae"), samples=10, draws=3, drawn="yes").metrics
    assert ["--drawn yes" in m.protocol for m in scored if m.name.startswith(("frechet", "nll"))] == [True, False]


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        ({"samples": -1}, "--samples -1"),
        ({"draws": 0}, "--draws 0"),
        ({"sharpness": 1}, "--sharpness: no such sampling option. There are: truncation"),
    ],
)
def test_an_impossible_wish_is_one_line(trained, ask, match):
    with pytest.raises(Problem, match=match):
        evaluate(trained("dcgan"), **ask)


@pytest.mark.parametrize("unlabelled", [0, 500])
def test_classes_are_judged_as_often_as_in_training_and_sampled_evenly(unlabelled):
    """900 to 100, in order of the class: of 1,000 draws the share of the rare one has a standard error of 0.0095."""
    label = torch.tensor([0] * 900 + [1] * 100 + [-1] * unlabelled)
    like, spec = Values({"label": label}), Spec("image", {}, {"label": Field((), categories=2)})
    judged, even = (
        conditions(spec, range(1000), 0, None, torch.device("cpu"), like=one)["label"].double().mean()
        for one in (like, None)
    )
    assert float(judged) == pytest.approx(0.1, abs=0.03)
    assert float(even) == pytest.approx(0.5, abs=4 * 0.5 / 1000**0.5)


def test_what_a_model_of_classes_is_asked_for_are_training_items_classes(trained):
    run = trained("biggan")
    asked, like = items.conditions_of(run, 600, 3), run.prepared.train
    drawn = [fold(3, "label", i) % len(like) for i in range(600)]
    assert asked.tolist() == like.take(torch.tensor(drawn))["label"].tolist()
    sets = samples.sets_of(run, samples.Asked(), items.Parts([run.prepared.held_out]), None, 4, {})
    own = items.items(run.model, run.spec, run.codec, 4, how=run.sampling(), like=like)
    assert np.array_equal(sets.fake[np.arange(4)], own)
    said = evaluate(run, samples=10).metrics
    assert all("; classes as often as in training" in m.protocol for m in said)


def test_too_few_samples_to_judge_by_are_said(trained):
    report = evaluate(trained("dcgan"), samples=3)
    assert {m.name for m in report.metrics} == {"copies_3", "copies_exact_3"}  # which need no second set
    assert report.notes == ["3 samples: too few to judge by; it takes 6. Ask for more by --samples"]
    assert report.notes[0] in report.html.read_text(encoding="utf-8")


def test_more_samples_than_training_items_are_said_to_flatter(trained):
    run = trained("dcgan")
    there = len(run.prepared.train)
    (said,) = evaluate(run, samples=there + 1).notes
    assert f"the floor is of {there} training items, fewer than the {there + 1} samples" in said
    assert said.endswith(f"--samples {there}")


def test_a_metric_that_is_not_there_is_named(trained):
    with pytest.raises(KeyError, match="nothing: 0 metrics"):
        evaluate(trained("dcgan"), samples=10)["nothing"]


def test_the_untrained_model_is_the_one_that_training_began_with(trained, folder, tmp_path):
    """Weights after one step at rate 0 would be it; here: equal for runs of one seed, other than the trained ones."""
    run = trained("dcgan")
    one, two = items.untrained(run), items.untrained(Run.open(run.path))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values()))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), run.model.parameters()))
    assert not one.training


@pytest.mark.parametrize(("count", "wanted", "index"), [(5, 9, [0, 1, 2, 3, 4]), (10, 3, [0, 4, 9]), (1, 1, [0])])
def test_items_are_spread_evenly(count, wanted, index):
    assert items.spread(count, wanted).tolist() == index


COUNTS = [(10_000, 2000), (101, 100), (2001, 2000), (60_000, 59_999), (10**8, 70_000)]


@pytest.mark.parametrize(("count", "wanted"), COUNTS)
def test_no_item_is_taken_twice(count, wanted):
    assert len(set(items.spread(count, wanted).tolist())) == wanted


# ---------------------------------------------------------------------------------------------- judged by other things


@pytest.fixture(scope="module")
def others(folder, tmp_path_factory):
    """Forty other pictures of the same size, and more of them than the run's own held-out part."""
    place = tmp_path_factory.mktemp("others") / "others"
    place.mkdir()
    for i, x in enumerate(clothes(160)[0][120:]):
        Image.fromarray(x[..., 0]).save(place / f"{i}.png")
    return place


def test_a_classifier_of_the_same_labels_judges_the_classes(trained):
    run, judge = trained("dcgan"), trained("convolutional")
    found = {m.name: m for m in evaluate(run, samples=12, classifier=str(judge.path)).metrics}
    score = found["classifier_score_12"]
    assert 1 <= score.value <= run.spec.classes
    assert "convolutional-" in score.protocol  # with the fingerprint of its weights
    shares = [m for name, m in found.items() if name.startswith("share[")]
    assert all("classifier" in m.protocol for m in shares)


def test_a_classifier_judges_data_without_classes_by_its_own_names(trained, folder, others, tmp_path, monkeypatch):
    monkeypatch.setattr("reverie.metrics.image.diversity.EXPECTED", 1)
    judge = trained("convolutional")
    run = fit(others, "dcgan", out=tmp_path / "run", steps=2, set="tiny", reporter=Silent())
    found = evaluate(run, samples=40, classifier=str(judge.path), against=str(folder)).metrics
    shares = {m.name[6:-1] for m in found if m.name.startswith("share[")}
    assert shares
    assert shares <= set(judge.spec.condition["label"].names)


@pytest.mark.parametrize("count", [4, 10])
def test_classes_without_names_are_others_where_their_number_is_another(trained, tmp_path, count):
    run, judge = trained("dcgan"), tmp_path / "judge"
    shutil.copytree(trained("convolutional").path, judge)
    info = json.loads((judge / "run.json").read_text())
    label = info["spec"]["condition"]["label"]
    label["names"] = []
    (judge / "run.json").write_text(json.dumps(info))
    run.spec = replace(run.spec, condition={"label": Field((), categories=count)})
    if count == label["categories"]:
        assert judges.classifier(run, str(judge)).classes == tuple(map(str, range(count)))
    else:
        with pytest.raises(Problem, match="it knows other classes"):
            judges.classifier(run, str(judge))


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ({"classifier": "nowhere"}, "nowhere: no run"),
        ({"against": "nowhere"}, "nowhere"),
        ({"extractor": "resnet"}, "'resnet': no such extractor"),
        ({"extractor": "inception"}, "Inception's weights are not there"),
        ({"seeds": 0}, "--seeds 0"),
        ({"statistics": "nowhere/real.npz"}, "its folder is not there"),
    ],
)
def test_a_judge_that_is_not_there_is_one_line(trained, ask, says, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(Problem, match=says):
        evaluate(trained("dcgan"), samples=10, **ask)


def test_a_generator_is_no_classifier(trained):
    run = trained("dcgan")
    with pytest.raises(Problem, match="no classifier of pictures"):
        evaluate(run, samples=10, classifier=str(run.path))


@pytest.mark.parametrize(
    "ask", [{"against": "x"}, {"extractor": "default"}, {"classifier": "x"}, {"statistics": "x"}, {"seeds": 2}]
)
def test_what_judges_samples_judges_no_predictor(trained, ask):
    with pytest.raises(Problem, match="makes no samples to judge"):
        evaluate(trained("convolutional"), **ask)


def test_other_data_can_judge_and_then_nothing_is_said_of_what_was_trained_on(trained, others):
    found = {m.name: m for m in evaluate(trained("dcgan"), samples=20, against=str(others)).metrics}
    assert "20 generated against 20 given (others)" in found["frechet_20"].protocol
    assert not [name for name in found if name.startswith("nearer_training")]
    assert "copies_20" in found  # which training pictures alone decide


def test_other_data_judges_alone_also_where_the_run_was_given_a_test_part(folder, others, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(others.iterdir())[:7]:
        shutil.copy(path, few)
    run = fit(folder, "vae", out=tmp_path / "run", steps=2, set="tiny", test=str(folder), reporter=Silent())
    real, what = samples.beside(run, samples.Asked(against=str(few)))
    assert (len(real), what) == (7, "given (few)")


def test_a_part_that_a_person_chose_to_hold_out_accuses_nobody_of_leaning(folder, others, tmp_path):
    run = fit(folder, "dcgan", out=tmp_path / "run", steps=2, set="tiny", test=str(folder), reporter=Silent())
    report = evaluate(run, samples=12)
    assert "12 generated against 12 chosen held-out" in report.metrics[0].protocol
    assert not [m.name for m in report.metrics if m.name.startswith("nearer_training")]
    assert [note for note in report.notes if note.startswith("--test chose what is held out")]


def test_data_of_another_kind_can_not_judge(trained, tmp_path):
    (tmp_path / "words.txt").write_text("to be or not to be " * 100)
    with pytest.raises(Problem, match=r"--against .*text"):
        evaluate(trained("dcgan"), samples=10, against=str(tmp_path / "words.txt"))


def test_pictures_of_another_form_can_not_judge(trained, tmp_path):
    for i in range(12):
        Image.fromarray(np.full((28, 28, 3), i, np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(Problem, match=r"--against .*: items of another form"):
        evaluate(trained("dcgan"), samples=10, against=str(tmp_path))


def test_a_run_that_holds_nothing_out_is_judged_by_what_is_left_and_says_so(folder, tmp_path):
    run = fit(folder, "vae", out=tmp_path / "run", steps=3, set="tiny", held_out=0.0, reporter=Silent())
    report = evaluate(run, samples=10)
    assert "0 held-out items: nothing to score. Train with more items, or a larger --held-out" in report.notes
    assert not any(metric.name.startswith("nll") for metric in report.metrics)


def test_five_pictures_are_learnt_and_what_can_not_be_measured_is_said(others, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(others.iterdir())[:5]:
        shutil.copy(path, few)
    run = fit(few, "dcgan", out=tmp_path / "run", steps=20, set="tiny", reporter=Silent())
    assert run.step == 20
    assert len(run.sample(3)) == 3
    assert [note for note in evaluate(run).notes if note.startswith("1 held-out items: too few to say")]


@pytest.mark.parametrize("name", ["own.npz", "own.npy"])
def test_statistics_are_kept_over_no_file_that_holds_something_else(trained, tmp_path, name):
    file, save = tmp_path / name, np.savez if name.endswith("z") else np.save
    save(file, np.zeros((3, 8, 8)))
    before = file.read_bytes()
    with pytest.raises(Problem, match=r"own\.np.: there already, and no statistics"):
        evaluate(trained("dcgan"), samples=10, statistics=str(file))
    assert file.read_bytes() == before


def test_statistics_that_were_kept_judge_as_the_pictures_did(trained, tmp_path):
    run, file = trained("dcgan"), tmp_path / "real.npz"
    whole = evaluate(run, samples=12, statistics=str(file))
    (alone,) = evaluate(run, samples=12, against=str(file)).metrics
    assert alone.name == "frechet_12"
    assert alone.value == pytest.approx(whole["frechet"], rel=1e-9)
    assert "real.npz" in alone.protocol


def test_statistics_judge_over_seeds_and_are_not_kept_again(trained, tmp_path):
    run, file = trained("dcgan"), tmp_path / "real.npz"
    evaluate(run, samples=12, statistics=str(file))
    single = [evaluate(run, samples=12, seed=seed, against=str(file))["frechet"] for seed in (3, 4)]
    (whole,) = evaluate(run, samples=12, seed=3, seeds=2, against=str(file)).metrics
    assert whole.value == pytest.approx(np.mean(single), rel=1e-9)
    assert "mean of 2 sampling seeds" in whole.protocol
    before = file.read_bytes()
    for other in (file, tmp_path / "other.npz"):
        with pytest.raises(Problem, match=r"--against .*real\.npz --statistics .*: what judges is no pictures"):
            evaluate(run, samples=12, against=str(file), statistics=str(other))
    assert file.read_bytes() == before
    assert not (tmp_path / "other.npz").exists()


def test_statistics_of_another_extractor_are_refused(trained, tmp_path):
    from reverie.metrics.distances import Statistics

    run, file = trained("dcgan"), tmp_path / "real.npz"
    evaluate(run, samples=12, statistics=str(file))
    replace(Statistics.load(file), extractor="another").save(file)
    with pytest.raises(Problem, match="of another, not of efficientnet"):
        evaluate(run, samples=12, against=str(file))


def test_over_seeds_a_number_is_the_mean_of_each_seeds(trained):
    run = trained("dcgan")
    single = [evaluate(run, samples=10, seed=seed) for seed in (3, 4, 5)]
    whole = evaluate(run, samples=10, seed=3, seeds=3)
    for name in ("frechet", "precision", "copies_10"):
        values = [one[name] for one in single]
        assert whole[name] == pytest.approx(sum(values) / 3, rel=1e-9, abs=1e-12)
    m = whole.metrics[0]
    deviation = np.std([one["frechet"] for one in single], ddof=1)
    assert m.high - m.low == pytest.approx(2 * 4.302653 * deviation / 3**0.5, rel=1e-6)
    assert "3 sampling seeds" in m.protocol


def test_a_run_that_has_hardly_begun_is_called_undertrained(trained):
    report = evaluate(trained("dcgan"), samples=20)
    assert [v.name for v in report.verdicts] == ["undertrained"]
    assert report.headline[0] == report.verdicts[0].line
    said = json.loads((report.folder / "report.json").read_text())
    assert said["verdicts"][0]["name"] == "undertrained"
    assert "Undertrained" in report.html.read_text(encoding="utf-8")


def test_what_a_model_says_of_its_samples_stands_among_the_notes(trained):
    report = evaluate(trained("autoencoder"), samples=12)
    assert [note for note in report.notes if "mixture of 2 Gaussians, fitted after training to" in note]
    assert escape(report.notes[-1]) in report.html.read_text()
    assert not [note for note in evaluate(trained("vae"), samples=10, draws=3).notes if "Gaussians" in note]
