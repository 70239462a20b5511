"""Whether samples are new: exact tests on sets whose answer is known."""

import numpy as np
import pytest
import torch

from clothes import clothes
from reverie.judging.course import Course
from reverie.judging.verdict import Numbers, alike, collapsed
from reverie.metrics import Sets, judge, neighbours
from reverie.metrics.image.diversity import by_class, classes, repeats
from reverie.metrics.image.seen import Seen
from reverie.metrics.text.seen import Seen as Texts
from reverie.metrics.text.spans import RUN, Known


@pytest.fixture(scope="module", name="clothes")
def the_clothes():
    return clothes()


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def found(clothes, fake, real=slice(1000, 1300), train=slice(0, 300)):
    x, y = clothes
    names = tuple(map(str, range(10)))
    sets = Sets(fake, x[real], x[train], bank=x[:1000], labels=y[train], classes=names)
    return {m.name: m for m in judge("image", Seen(sets))}


def rest(found, start):
    return next(m for name, m in found.items() if name.startswith(start))


# ------------------------------------------------------------------------------------------------------------- pictures


def test_planted_copies_are_counted_and_the_test_accuses(clothes):
    """Of 300 samples 12 are copies: all are found, and p falls far below chance."""
    fake = clothes[0][2000:2300].copy()
    honest = rest(found(clothes, fake), "copies_exact").value
    fake[::25] = clothes[0][:12]
    m = rest(found(clothes, fake), "copies_exact")
    assert m.value == pytest.approx(honest + 12 / 300, abs=1e-12)
    assert m.p < 1e-3


def test_honest_samples_are_not_accused(clothes):
    """Other pictures of the set: each p is above a thousandth, which of eight would happen by chance once in 125."""
    for begin in (2000, 2300):
        numbers = found(clothes, clothes[0][begin : begin + 300])
        for name in ("copies_exact", "copies_300", "nearer_training_300", "nearer_training_pixels"):
            assert rest(numbers, name).p > 1e-3


def test_samples_that_lean_on_what_was_trained_on_are_told(clothes):
    """Training pictures with noise: no copies by pixels, and yet nearer to what was trained on."""
    g = torch.Generator().manual_seed(0)
    noise = (torch.randn(300, 28, 28, 1, generator=g) * 40).numpy()
    fake = (clothes[0][:300] + noise).clip(0, 255).astype(np.uint8)
    m = rest(found(clothes, fake), "nearer_training_pixels")
    assert m.value > 0.8
    assert m.p < 1e-6


def leaning(seed, n=200, m=400):
    g = torch.Generator().manual_seed(seed)
    return neighbours.nearer(*(torch.randn(k, 3, generator=g) for k in (m, n, n)))


def test_by_chance_half_of_the_samples_lean_either_way_and_p_is_even():
    """400 draws of the null: the share's mean is a half, and p is below 0.05 in a twentieth of them, each within 4
    standard errors."""
    drawn = [leaning(seed) for seed in range(400)]
    shares = torch.tensor([one.share for one in drawn])
    assert float(shares.mean()) == pytest.approx(0.5, abs=4 * float(shares.std()) / 20)
    rate = sum(one.p < 0.05 for one in drawn) / 400
    assert rate == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 400) ** 0.5)


def test_samples_that_share_one_neighbour_prove_nothing():
    """All at one point: the nearest item is one item, of one sort or the other by chance."""
    g = torch.Generator().manual_seed(0)
    old, new = torch.randn(2, 100, 3, generator=g)
    one = neighbours.nearer(old[:1].expand(500, -1), old, new)
    assert one.share == 1
    assert one.p > 0.1


@pytest.mark.parametrize("n", [40, 500, 2000])
def test_items_that_stand_on_both_sides_lean_to_neither(n):
    """The nearest of either sort are then equally near: which counts is a coin, the same for all fakes beside it."""
    base = torch.randn(n, 16, generator=torch.Generator().manual_seed(0))
    for fake in (base, (base + 0.01).repeat(3, 1)):
        found = neighbours.nearer(fake, base, base.clone())
        assert found.share == pytest.approx(0.5, abs=4 * 0.5 / n**0.5)
        assert found.p > 0.01


def test_a_longer_set_is_thinned_evenly():
    """Sorted sets: the first half of `old` alone would hold none of what lies at 1."""
    old = torch.cat([torch.zeros(50, 2), torch.ones(50, 2)])
    new = torch.tensor([[0.0, 0.1], [1.0, 1.1]] * 25)
    assert neighbours.nearer(torch.ones(10, 2), old, new).share == 1


# ------------------------------------------------------------------------------------------------------------ diversity


def test_real_pictures_are_as_varied_as_real_pictures(clothes):
    numbers = found(clothes, clothes[0][2000:2300])
    assert rest(numbers, "spread_300").value == pytest.approx(1, abs=0.05)
    assert rest(numbers, "modes").value == rest(numbers, "modes").reference == 10
    assert rest(numbers, "repeats").value < 0.05


def test_two_classes_of_ten_are_counted_and_the_others_named_as_missing(clothes):
    x, y = clothes
    fake = x[2000:5000][np.isin(y[2000:5000], (1, 8))][:300]
    numbers = found(clothes, fake, train=slice(0, 1000))
    assert 2 <= rest(numbers, "modes").value <= 7  # votes of few training pictures are not always right
    assert numbers["share[1]"].value + numbers["share[8]"].value > 0.7
    assert numbers["share[9]"].value < 0.1 * numbers["share[9]"].floor


def test_one_picture_again_and_again_has_no_spread_and_repeats(clothes):
    numbers = found(clothes, np.repeat(clothes[0][2000:2001], 300, axis=0))
    assert rest(numbers, "spread_300").value == pytest.approx(0, abs=1e-3)
    assert rest(numbers, "repeats").value == 1


class Grey:
    name, dim = "grey", 1

    def __call__(self, pictures):
        return torch.from_numpy(pictures.reshape(len(pictures), -1).mean(1, dtype=np.float32)[:, None])


def by_grey(classes):
    """Pictures of one level each, and who sees which."""
    return lambda part: torch.nn.functional.one_hot(torch.from_numpy(part[:, 0, 0, 0].astype(np.int64)), classes)


def levels(labels):
    return np.broadcast_to(labels.astype(np.uint8)[:, None, None, None], (len(labels), 4, 4, 1))


@pytest.mark.parametrize("seed", range(4))
def test_no_class_of_a_long_tail_is_missing_where_samples_are_drawn_as_the_data_are(seed):
    """A class that 200 held-out pictures show once is met by 0.075 % of the samples, or not, by chance alone."""
    draw = np.random.default_rng(seed)
    share = 1 / np.arange(1, 201)
    real, fake = (levels(draw.choice(200, n, p=share / share.sum())) for n in (200, 10_000))
    names = tuple(map(str, range(200)))
    seen = Seen(Sets(fake, real, real, classes=names, extractor=Grey(), classify=by_grey(200), judge="grey"))
    modes = by_class(seen, classes(seen))[0]
    assert modes.value == modes.reference > 1
    assert "200 real pictures show 10 times" in modes.protocol


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (77, "3 of 80 classes are missing (class 77, class 78, class 79)"),
        (58, f"22 of 80 classes are missing ({', '.join(f'class {c}' for c in range(58, 78))}, 2 more)"),
    ],
)
def test_classes_that_are_missing_are_named_however_many_there_are(there, says):
    real, fake = (levels(np.repeat(np.arange(n), 14)) for n in (80, there))
    names = tuple(f"class {c}" for c in range(80))
    seen = Seen(Sets(fake, real, real, classes=names, extractor=Grey(), classify=by_grey(80), judge="grey"))
    found = by_class(seen, classes(seen))
    said = collapsed(Numbers(found), Course(5000, 5000, 40.0))
    assert said.evidence == says


@pytest.mark.parametrize(("samples", "held_out"), [(1500, 100), (100, 1500)])
def test_the_share_of_samples_that_repeat_is_of_as_many_as_are_held_out(samples, held_out):
    """All of 3,000 different pictures come equally often: of 100 of them 99 / 3,000 have a twin on average, of 1,500
    two in five; real ones never do. A share above 0.1 would be five pairs and more, whose mean is 1.65."""
    g = torch.Generator().manual_seed(0)
    all_there_are = torch.randint(256, (3000, 8, 8, 1), generator=g, dtype=torch.uint8).numpy()
    fake = all_there_are[torch.randint(3000, (samples,), generator=g).numpy()]
    m = repeats(Seen(Sets(fake, all_there_are[:held_out], all_there_are[-100:])))
    assert (m.name, m.floor) == ("repeats_100", 0)
    assert m.value < 0.1
    assert not alike(Numbers([m]))


def test_the_mean_distance_of_rows_is_that_of_all_pairs():
    x = torch.tensor([[0.0, 0], [3, 4], [6, 8]])
    assert neighbours.apart(x) == pytest.approx((5 + 10 + 5) / 3)
    assert neighbours.apart(x[:1]) == 0


def test_each_of_the_nearest_has_one_vote():
    bank, labels = torch.tensor([[0.0], [1.0], [2.0], [3.0]]), torch.tensor([2, 0, 0, 2])
    found = neighbours.votes(torch.tensor([[-1.0], [1.4]]), bank, labels, 2, 4)
    assert found.tolist() == [[0.5, 0, 0.5, 0], [1, 0, 0, 0]]


# ----------------------------------------------------------------------------------------------------------------- text

WORDS = "in the beginning was a word and it was long enough to be told from another by anyone who reads it "


def test_characters_in_known_runs_are_counted():
    """Of 100 characters, 40 stand in the text; where 31 agree, none do."""
    known = Known([WORDS * 3])
    strange = "#" * 30
    assert known.shares([strange + WORDS[:40] + strange]) == [0.4]
    assert known.shares([strange + WORDS[: RUN - 1] + strange]) == [0.0]
    assert known.covered(strange + WORDS[:40] + strange).nonzero()[0].tolist() == list(range(30, 70))


def test_a_run_over_the_border_of_two_texts_is_not_known():
    known = Known([WORDS[:40], WORDS[40:90]])
    assert known.shares([WORDS[20:60]]) == [0.0]
    assert known.shares([WORDS[41:80]]) == [1.0]


def texts(seed, count=60, length=200):
    g = torch.Generator().manual_seed(seed)
    letters = torch.randint(97, 123, (count, length), generator=g).tolist()
    return ["".join(map(chr, row)) for row in letters]


def test_copied_text_is_accused_and_new_text_is_not():
    train, real, new = (texts(seed) for seed in range(3))
    copied = [a[:50] + b[:150] for a, b in zip(new, train)]
    for fake, share in ((new, 0.0), (copied, 0.75)):
        (m,) = [m for m in judge("text", Texts(Sets(fake, real, train))) if m.name.startswith("copied")]
        assert m.value == pytest.approx(share, abs=0.01)  # a letter or two may agree by chance at the seam
        assert m.floor == 0
        assert (m.p < 1e-6) == bool(share)


def test_texts_that_are_too_short_say_nothing():
    assert not [m for m in judge("text", Texts(Sets(["ab"], ["cd"], ["ef"]))) if m.name.startswith("copied")]
