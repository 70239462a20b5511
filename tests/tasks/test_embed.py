"""Codes as files, reduced, grouped and measured."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from reverie.errors import Problem
from reverie.metrics import embedding
from reverie.tasks.codes import encoded
from reverie.tasks.scatter import Scatter, marks
from reverie.tasks.vectors import bare, vectors


def test_the_table_names_item_label_cluster_and_numbers_in_the_order_of_the_files(coded, stripes, tmp_path):
    made = coded.embed(stripes, clusters=3)
    table = pq.read_table(made.save(tmp_path / "codes.parquet")).to_pydict()
    assert list(table) == ["item", "label", "cluster", *(f"z{k}" for k in range(4))]
    assert table["item"][:2] == ["across/00.png", "across/01.png"]
    assert table["label"] == ["across"] * 40 + ["dots"] * 40 + ["down"] * 40
    files = [stripes / "dots" / "07.png", stripes / "across" / "03.png"]
    alone = coded.embed(files)
    assert "label" not in alone.columns()
    assert torch.allclose(alone.points, made.points[[47, 3]], atol=1e-5)


def test_an_npy_holds_the_numbers_alone(coded, stripes, tmp_path):
    made = coded.embed(stripes, to=2)
    held = np.load(made.save(tmp_path / "codes.npy"), allow_pickle=False)
    assert held.shape == (120, 2)
    assert np.array_equal(held, made.points.numpy())


def test_codes_are_reduced_by_their_own_principal_components(coded, stripes):
    whole, flat = coded.embed(stripes), coded.embed(stripes, to=2)
    assert flat.axes == ("pca0", "pca1")
    assert torch.allclose(flat.points.abs(), embedding.principal(whole.points, 2).float().abs(), atol=1e-5)
    assert torch.equal(coded.embed(stripes, to=4).points, whole.points)  # as many as there are: as they are


def test_tsne_is_the_same_each_time(coded, stripes):
    one, two = (coded.embed(stripes / "dots", to=2, by="tsne") for _ in range(2))
    assert one.axes == ("tsne0", "tsne1")
    assert torch.equal(one.points, two.points)


def test_measures_stand_beside_principal_components_of_the_items_and_say_how_many(coded, stripes):
    made = coded.embed(stripes, clusters=3)
    found = {m.name: m for m in made.measures}
    assert list(found) == ["trustworthiness_120", "nn5_accuracy_120", "ari_120", "nmi_120"]
    raw = torch.stack([torch.from_numpy(np.asarray(x, np.float32)) for x in _pictures(coded, stripes)])
    linear = embedding.principal(raw, 4).float()
    assert found["nn5_accuracy_120"].reference == embedding.neighbour_accuracy(linear, made.known.values)
    assert found["trustworthiness_120"].value == pytest.approx(embedding.trustworthiness(raw, made.points), abs=1e-3)
    assert found["ari_120"].value == embedding.agreement(made.clusters, made.known.values).ari


def _pictures(run, folder):
    from reverie.tasks.codes import files

    items = files(run, [str(folder)]).items
    return items.raw(torch.arange(len(items))).reshape(len(items), -1)


def test_without_labels_only_what_needs_none_is_measured(coded, stripes):
    assert [m.name for m in coded.embed(stripes / "dots").measures] == ["trustworthiness_40"]


def test_a_label_that_a_code_carries_is_kept_out_of_what_is_measured(coded, stripes, monkeypatch):
    """A conditional model's code ends in its item's class: neighbours in it would all be of one class."""
    one = torch.eye(3)[torch.arange(12) % 3]
    codes = torch.cat([torch.randn(12, 4), one], 1)
    assert torch.equal(bare(coded, codes), codes)  # of this model no part is a label
    monkeypatch.setattr(type(coded.model), "conditions", ("label",), raising=False)
    assert torch.equal(bare(coded, codes), codes[:, :4])
    assert torch.equal(bare(coded, codes + 0.1), codes + 0.1)


def test_what_a_conditional_code_lacks_is_said(coded, stripes, monkeypatch):
    monkeypatch.setattr(type(coded.model), "conditions", ("label",), raising=False)
    with pytest.raises(Problem, match="label, which these don't say"):
        coded.embed(stripes / "dots")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"to": 5}, "--to 5: a code of .* has 4 numbers. Give 4 or fewer"),
        ({"to": -1}, "--to -1: below 1"),
        ({"clusters": 1}, "--clusters 1: below 2"),
        ({"clusters": 500}, "120 items: 500 clusters"),
        ({"to": 4, "by": "tsne"}, "--to 4 --by tsne"),
        ({"to": 2, "by": "mds"}, "--by mds: no such way"),
    ],
)
def test_a_wish_that_can_not_be_met_is_a_problem(coded, stripes, asked, says):
    with pytest.raises(Problem, match=says):
        coded.embed(stripes, **asked)


def test_umap_is_asked_for_by_name_where_it_is_missing(coded, stripes):
    try:
        import umap  # noqa: F401
    except ImportError:
        with pytest.raises(Problem, match="pip install umap-learn"):
            coded.embed(stripes, to=2, by="umap")


# --------------------------------------------------------------------------------------------------------------- plots


def test_both_plots_show_every_class_with_its_name(coded, stripes, tmp_path):
    made = coded.embed(stripes, to=2)
    svg = made.plot(tmp_path / "plane.svg", "a <title>").read_text()
    assert svg.count("<circle") + svg.count("<polygon") == 120 + 3
    for name in ("across", "down", "dots", "pca0", "pca1", "a &lt;title&gt;"):
        assert name in svg
    assert (tmp_path / "plane.svg").stat().st_size < 60_000
    assert made.plot(tmp_path / "plane.png").read_bytes()[:4] == b"\x89PNG"


def test_points_lie_where_their_numbers_say():
    points = torch.tensor([[0.0, 0.0], [10.0, 0.0], [10.0, 5.0]])
    drawn = Scatter(points, ("a", "b"), torch.tensor([0, 1, 2]), ("x", "y", "z"))
    place = {group: (x, y) for x, y, group in drawn.placed()}
    assert place[0][1] == place[1][1] > place[2][1]  # up is up
    assert place[0][0] < place[1][0] == place[2][0]


def test_thirty_classes_differ_in_colour_or_in_shape_and_ten_in_colour():
    drawn = Scatter(torch.rand(30, 2), ("a", "b"), torch.arange(30), tuple(map(str, range(30))))
    looks = {drawn.mark(0, 0, k, 4) for k in range(30)}
    assert len(looks) == 30
    assert len({re.search(r'class="(c\d)"', drawn.mark(0, 0, k, 4))[1] for k in range(10)}) == 10


def test_marks_are_round_and_inside():
    assert marks(-0.31, 2.3) == [0, 0.5, 1, 1.5, 2]
    assert marks(-1.1e-3, 1.1e-3) == [-0.001, -0.0005, 0, 0.0005, 0.001]


def test_numbers_have_a_scale_and_one_number_alone_is_spread_out(tmp_path):
    drawn = Scatter(torch.rand(50, 2), ("z0",), torch.linspace(2, 7, 50), (), "age")
    assert [name for _, name in drawn.legend()] == ["7", "5.75", "4.5", "3.25", "2"]
    drawn.save(tmp_path / "a.png", ".png")
    drawn.save(tmp_path / "a.svg", ".svg")


# -------------------------------------------------------------------------------------------------------- other kinds


def test_rows_are_vectors_of_numbers_and_ones(whole, tmp_path):
    from reverie.kinds import DataOptions
    from reverie.kinds.table import open as table

    file = tmp_path / "rows.csv"
    file.write_text(
        "a,b,job,y\n" + "".join(f"{k},{k % 5 if k % 7 else ''},{'xyz'[k % 3]},{k % 2}\n" for k in range(60))
    )
    prepared = table(str(file), DataOptions(predict="y")).prepare()
    run = whole(prepared.codec)
    found = vectors(run.spec, prepared.train)
    assert found.shape == (len(prepared.train), 2 + run.spec.fields["job"].categories)
    assert (found[:, 2:].sum(1) == 1).all()
    assert encoded(run, prepared.train).shape[1] == 3


def test_sentences_are_counts_of_their_words(whole):
    from reverie.kinds.sentences import Codec
    from reverie.tasks.interpolate import Two

    codec = Codec(("a", "b"), 5, ("no", "yes"))
    run = whole(codec)
    assert vectors(run.spec, Two(codec.encode(["a a b", "b", "c"]), [])).tolist() == [[0, 2, 1], [0, 0, 1], [1, 0, 0]]
