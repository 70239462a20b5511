"""Spaces that samples come from: searched, mixed and walked through, of a generator whose answers are known."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import reverie
from coded import Whole, written
from reverie.catalog import find
from reverie.errors import Problem
from reverie.kinds.image import Codec
from reverie.kinds.image.items import Pictures
from reverie.tasks.latent import items_of, points
from reverie.tasks.mix import cut
from reverie.tasks.project import AT_ONCE, Search, together

SIDE = 16


class Halves(Whole):
    """Of z (B, 2) come w (B, 4): z twice. The first two numbers of w are the left half's brightness and slope, the
    others the right half's."""

    spaces = {"z": 1, "w": 2}  # noqa: RUF012

    def noise(self, generator: torch.Generator, how: object) -> Tensor:
        return torch.randn(2, generator=generator)

    def placed(self, noise: Tensor, condition: dict, how: object, space: str) -> Tensor:
        return noise if space == "z" else noise.repeat(1, 2)

    def generated(self, codes: Tensor, condition: dict, space: str) -> dict[str, Tensor]:
        w = codes.repeat(1, 2) if space == "z" else codes
        down = torch.linspace(-1, 1, SIDE)[:, None].expand(SIDE, SIDE // 2)
        left, right = (0.25 * w[:, i, None, None] + 0.1 * w[:, i + 1, None, None] * down for i in (0, 2))
        return {"image": torch.cat([left, right], 2)[:, None].contiguous(memory_format=torch.channels_last)}

    def sample(self, noise: Tensor, condition: dict, how: object) -> dict[str, Tensor]:
        return self.generated(noise, condition, "z")


@pytest.fixture
def halves(whole):
    run = whole(Codec((SIDE, SIDE), 1), model=Halves)
    vars(run).update(family=find("dcgan"))  # which has no encoder and no sampling options
    return run


class Told(Halves):
    """The same; of class 1, every picture has a bright border, which no code makes."""

    conditions = ("label",)
    spaces = {"z": 1}  # noqa: RUF012

    def generated(self, codes: Tensor, condition: dict, space: str) -> dict[str, Tensor]:
        x = super().generated(codes, condition, space)["image"].clone()
        border = torch.ones(SIDE, SIDE)
        border[2:-2, 2:-2] = 0
        one = condition["label"].view(-1, 1, 1, 1) * border
        return {"image": x * (1 - one) + one}


@pytest.fixture
def told(whole):
    run = whole(Codec((SIDE, SIDE), 1, classes=("bare", "framed")), model=Told)
    vars(run).update(family=find("dcgan"))
    return run


def test_a_picture_is_found_with_the_class_that_makes_it(told, tmp_path):
    codes = torch.tensor([[0.5, -0.5], [-0.5, 0.5]])
    raw = told.codec.decode(items_of(told, codes, {"label": torch.tensor([0, 1])}, "z"))
    places = [written(tmp_path / f"{i}.png", x) for i, x in enumerate(raw)]
    made = told.project(places, steps=150)
    assert [row["label"] for row in made.rows()] == ["bare", "framed"]
    assert min(row["psnr_db"] for row in made.rows()) > 35
    path = told.interpolate(*places, steps=4)
    framed = path.raw[:, 0, 0, 0] == 255
    assert framed.tolist() == [False, False, True, True]  # each half is of the class of its end


def test_a_path_between_samples_keeps_the_class_of_the_first_and_says_so(told):
    framed = {}
    for seed in range(8):
        path = told.interpolate(steps=3, seed=seed)
        one, other = points(told, range(2), seed, "z")[1]["label"].tolist()
        framed[one, other] = (path.raw[:, 0, 0, 0] == 255).tolist(), path.words[1], path.notes[1:]
    said = "all with sample 0's label {}: the path ends at sample 1's code, and not at sample 1 itself"
    assert framed == {
        (0, 0): ([False] * 3, "sample 1", []),
        (0, 1): ([False] * 3, "sample 1's code", [said.format("bare")]),
        (1, 0): ([True] * 3, "sample 1's code", [said.format("framed")]),
        (1, 1): ([True] * 3, "sample 1", []),
    }


def picture(run, w) -> np.ndarray:
    return run.codec.decode(items_of(run, torch.tensor([w]), {}, "w"))[0]


def test_the_code_of_a_picture_is_found(halves, tmp_path):
    wish = [[1.0, -0.5, -0.75, 1.5], [-1.2, 0.4, 0.3, -0.2]]
    places = [written(tmp_path / f"{i}.png", picture(halves, w)) for i, w in enumerate(wish)]
    made = halves.project(places, steps=300)
    assert made.space == "w"
    # one of 255 levels is 0.03 of a brightness and 0.08 of a slope, and features see that a ramp was rounded to them
    torch.testing.assert_close(made.codes[:, [0, 2]], torch.tensor(wish)[:, [0, 2]], rtol=0, atol=0.06)
    torch.testing.assert_close(made.codes[:, [1, 3]], torch.tensor(wish)[:, [1, 3]], rtol=0, atol=0.24)
    assert min(row["psnr_db"] for row in made.rows()) > 40
    files = made.save(tmp_path / "out")
    assert [file.name for file in files] == ["project.png", "project.csv", "codes.npy"]
    assert np.array_equal(np.load(files[2]), made.codes.numpy())


def test_a_picture_that_no_code_of_a_space_makes_is_found_in_a_wider_one(halves, tmp_path):
    file = written(tmp_path / "a.png", picture(halves, [1.0, 0.0, -1.0, 0.0]))  # halves that differ: not in z
    in_z, in_w = (halves.project(file, space=space, steps=150).mean["psnr_db"] for space in ("z", "w"))
    assert in_w > 40
    assert in_z < 20


def test_a_code_far_from_all_samples_is_said_to_be(halves, tmp_path):
    near, far = (
        written(tmp_path / f"{name}.png", picture(halves, [x, 0.0, x, 0.0]))
        for name, x in (("near", 1.0), ("far", 3.6))
    )
    usual = [row["usual"] for row in halves.project([near, far], steps=200).rows()]
    assert usual[0] == pytest.approx(1 / 2**0.5, abs=0.1)  # samples lie √2 from the mean of one half's two numbers
    assert usual[1] == pytest.approx(3.6 / 2**0.5, abs=0.3)


def test_mixing_takes_the_part_of_the_column_and_all_else_of_the_row(halves, tmp_path):
    made = halves.mix(part="0:1", rows=2, columns=3, seed=4)
    assert made.raw.shape[0] == 6
    for i in range(2):
        for j in range(3):
            mixed, half = made.raw[3 * i + j], SIDE // 2
            assert np.array_equal(mixed[:, :half], made.columns[j][:, :half])
            assert np.array_equal(mixed[:, half:], made.rows[i][:, half:])
    page = Image.open(made.save(tmp_path / "mix.png"))
    assert page.size[0] > 4 * 64


def test_two_pictures_are_mixed_by_their_codes(halves, tmp_path):
    a = written(tmp_path / "a.png", picture(halves, [1.0, 0.0, 0.5, 0.0]))
    b = written(tmp_path / "b.png", picture(halves, [-1.0, 0.0, -0.5, 0.0]))
    made = halves.mix(a, b, part="coarse", steps=200)
    wish = picture(halves, [-1.0, 0.0, 0.5, 0.0])
    assert np.abs(made.raw[0].astype(int) - wish.astype(int)).max() <= 3


@pytest.mark.parametrize(("part", "parts", "ends"), [
    ("coarse", 8, (0, 3)), ("middle", 8, (3, 5)), ("fine", 8, (5, 8)), ("coarse", 2, (0, 1)), ("2:5", 8, (2, 5)),
])  # fmt: skip
def test_the_thirds_of_a_code_are_its_parts_from_coarse_to_fine(part, parts, ends):
    assert cut(part, parts) == ends


def test_thirds_leave_no_part_out():
    for parts in range(3, 20):
        found = [cut(part, parts) for part in ("coarse", "middle", "fine")]
        assert [found[0][0], found[2][1]] == [0, parts]
        assert all(one[1] == two[0] for one, two in pairwise(found))


@pytest.mark.parametrize("part", ["rough", "3", "2:2", "-1:2", "0:9", "0:²"])
def test_a_part_that_is_not_there_is_refused(part):
    with pytest.raises(Problem, match=f"--part {part}"):
        cut(part, 8)


def test_more_mixtures_than_a_page_holds_are_refused_before_any_is_made(halves):
    with pytest.raises(Problem, match="--rows 1000000 --columns 1000000: more than 2,500 mixtures"):
        halves.mix(rows=10**6, columns=10**6)


@pytest.mark.parametrize(("asked", "says"), [
    ({"rows": 2}, "--rows 2: A is named"), ({"columns": 6}, "--columns 6: A is named"), ({"seed": 0}, "--seed 0: A is"),
])  # fmt: skip
def test_what_is_said_of_samples_is_refused_where_pictures_are_named(halves, tmp_path, asked, says):
    a, b = (written(tmp_path / f"{name}.png", picture(halves, [0.0] * 4)) for name in "ab")
    with pytest.raises(Problem, match=says):
        halves.mix(a, b, steps=1, **asked)


def test_samples_are_not_searched_for(halves):
    with pytest.raises(Problem, match="--steps 9: of a search for A and B, and samples need none"):
        halves.mix(steps=9)


def test_a_path_lies_in_the_space_that_was_asked_for(halves):
    made = halves.interpolate(steps=3, space="w")
    codes, _ = points(halves, range(2), 0, "w")
    wish = halves.codec.decode(items_of(halves, codes.mean(0, keepdim=True), {}, "w"))[0]
    assert np.abs(made.raw[1].astype(int) - wish.astype(int)).max() <= 1
    assert "in w" in made.notes[0]


def test_a_path_between_pictures_goes_through_their_codes(halves, tmp_path):
    ends = [[1.0, 0.5, -1.0, 0.0], [-1.0, -0.5, 0.5, 0.0]]
    places = [written(tmp_path / f"{i}.png", picture(halves, w)) for i, w in enumerate(ends)]
    made = halves.interpolate(*places, steps=3)
    wish = picture(halves, np.mean(ends, 0).astype(np.float32).tolist())
    assert np.abs(made.raw[1].astype(int) - wish.astype(int)).max() <= 3
    assert made.words == tuple(str(place) for place in places)
    assert "projected" in made.notes[0]


def test_a_search_begins_at_the_nearest_of_all_samples(halves):
    """Of samples of the first block and of later ones, that sample itself."""
    search, wish = Search(halves, "w"), [3, 63, 64, 200, 511]
    raw = halves.codec.decode(items_of(halves, search.codes[wish], {}, "w"))
    found = search.nearest(Pictures(raw, None, np.arange(len(wish)), halves.codec))
    gap = (search.codes[found] - search.codes[wish])[:, [0, 2]].abs()
    assert gap.max() < 0.05  # of one brightness there may be two samples


@pytest.mark.parametrize(("side", "count"), [(16, AT_ONCE), (256, AT_ONCE), (512, 4), (1024, 1), (4096, 1)])
def test_of_large_pictures_fewer_are_searched_at_a_time(side, count):
    assert together((3, side, side)) == count


def test_of_noise_the_numbers_that_change_most_come_first(halves):
    made = halves.traverse(space="z", dims=2, steps=3, reach=2.0)
    assert made.columns["latent"] == ["z0", "z1"]  # brightness moves every pixel by 0.25, the slope by 0.1 at most
    spread = torch.linspace(-1, 1, SIDE).square().mean().sqrt()
    assert made.columns["effect"] == pytest.approx(
        [0.25 * made.columns["deviation"][0], 0.1 * float(spread) * made.columns["deviation"][1]], rel=1e-3
    )


def test_of_what_noise_becomes_directions_are_the_axes_of_its_codes(halves):
    made = halves.traverse(space="w", dims=2, steps=3, reach=2.0)
    assert made.columns["latent"] == ["w axis 1", "w axis 2"]
    # along an axis both halves move alike, as in every sample: nothing leaves what z can make
    assert np.abs(made.raw[:, :, : SIDE // 2].astype(int) - made.raw[:, :, SIDE // 2 :].astype(int)).max() <= 1
    assert "100%" in made.notes[1]


def test_of_a_code_of_few_numbers_all_are_moved_where_nobody_says_how_many(halves):
    assert halves.traverse(space="z", steps=2).columns["latent"] == ["z0", "z1"]
    assert len(halves.traverse(space="w", steps=2).latents) == 4
    with pytest.raises(Problem, match="--dims 8: a code of w has 4 numbers"):
        halves.traverse(space="w", dims=8)


def test_a_traversal_starts_at_a_projected_picture(halves, tmp_path):
    file = written(tmp_path / "a.png", picture(halves, [0.5, 0.0, -0.5, 0.0]))
    made = halves.traverse(file, dims=1, steps=3)
    gap = made.raw[:, :, 0].astype(int).mean((1, 2)) - made.raw[:, :, -1].astype(int).mean((1, 2))
    assert gap == pytest.approx([0.25 * 127.5] * 3, abs=2)  # what the axis does not hold stays


def test_a_space_that_is_not_there_is_refused(halves, coded):
    with pytest.raises(Problem, match="There are: z, w"):
        halves.project("a.png", space="s")
    with pytest.raises(Problem, match="vae's samples come from no code"):
        coded.project("a.png")
    with pytest.raises(Problem, match="no parts"):
        coded.mix()


def test_what_is_changed_of_a_picture_before_it_is_searched_for_is_said(halves, coded, tmp_path, monkeypatch):
    monkeypatch.setattr("reverie.tasks.project.STEPS", 1)
    large = np.zeros((2 * SIDE, 2 * SIDE, 1), np.uint8)
    a, b = (written(tmp_path / f"{name}.png", large) for name in "ab")
    for made in (
        halves.project(a, steps=1), halves.mix(a, b, steps=1), halves.interpolate(a, b, steps=2),
        halves.traverse(a, dims=1), coded.traverse(a),
    ):  # fmt: skip
        assert any("resized" in note or "scaled" in note for note in made.notes), made.notes


def test_rows_are_not_searched_for_and_it_is_said_what_goes_without(tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n" + "".join(f"{k},{k * k % 7}\n" for k in range(40)))
    run = reverie.fit(rows, "gan", set="tiny", steps=2, out=tmp_path / "gan")
    for task, cure in (
        (lambda: run.project(rows), "Name a run of pictures"),
        (lambda: run.interpolate(rows, rows), "Leave both out, which takes samples"),
        (lambda: run.traverse(rows), "Leave --item out"),
    ):
        with pytest.raises(Problem, match=f"makes table, and only pictures are projected. {cure}"):
            task()


def test_a_run_of_a_gan_is_searched_without_its_classes_being_told(stripes, tmp_path):
    run = reverie.fit(stripes, "dcgan", set="tiny", steps=2, out=tmp_path / "gan")
    made = run.project(stripes / "dots" / "00.png", steps=5)
    assert made.codes.shape == (1, 8)
    assert "label" not in made.found.columns
    assert made.given == {}
    with pytest.raises(Problem, match="--label dots: dcgan takes no labels"):
        run.project(stripes / "dots" / "00.png", label="dots")
    again = run.project(stripes / "dots" / "00.png", steps=5)
    assert torch.equal(made.codes, again.codes)
