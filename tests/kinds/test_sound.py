"""Sounds: what is read, how it is split, what is refused."""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reverie.errors import Problem
from reverie.kinds import DataOptions, sound
from reverie.kinds.sound.codec import Codec, bits
from reverie.kinds.sound.names import Pattern

FORM = "{label}_{speaker}_{take}"


@dataclass(frozen=True)
class Options(DataOptions):
    names: str = ""


def noise(seed: int, n: int = 200) -> np.ndarray:
    g = torch.Generator().manual_seed(seed)
    return torch.randint(-20000, 20000, (n,), generator=g).numpy().astype(np.int16)


def write(file, samples, rate=8000, subtype="PCM_16"):
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, samples, rate, subtype=subtype)


@pytest.fixture
def named(tmp_path):
    """2 labels, 3 speakers, 5 takes."""
    names = [f"{a}_{b}_{c}" for a in ("no", "yes") for b in ("ann", "bob", "cy") for c in range(5)]
    for i, name in enumerate(names):
        write(tmp_path / "set" / f"{name}.wav", noise(i, 100 + i))
    return tmp_path / "set"


def prepared(where, **options):
    return sound.open(str(where), Options(**{"predict": "labels", "calibration": 0.0, **options})).prepare()


def every(items):
    return items.raw(torch.arange(len(items)))


def said(items, column):
    return items.columns(torch.arange(len(items)))[column]


@given(st.lists(st.lists(st.integers(-32768, 32767), min_size=1, max_size=20), min_size=1, max_size=3))
def test_sixteen_bits_come_back_exactly(sounds):
    arrays = [np.array(values, np.int16) for values in sounds]
    codec = Codec(8000, 20)
    batch = codec.encode(arrays)
    for array, back, n in zip(arrays, codec.decode(batch.values), batch.lengths["sound"].tolist()):
        assert (bits(back[:n]) == array).all()
        assert not back[n:].any()


def test_names_say_the_class_and_hold_items_out(named):
    data = prepared(named, names=FORM, test_where="take=0,1")
    assert (len(data.train), len(data.held_out)) == (18, 12)
    assert set(said(data.held_out, "take")) == {"0", "1"}
    assert data.codec.classes == ("no", "yes")
    batch = data.train.take(torch.arange(18))
    assert [data.codec.classes[k] for k in batch["label"]] == said(data.train, "label")
    assert list(data.codec.spec.target) == ["label"]
    assert batch["sound"].shape == (18, data.codec.samples)
    assert said(data.train, "item")[0] == "no_ann_2.wav"
    assert [len(x) for x in every(data.train)] == batch.lengths["sound"].tolist()
    assert (bits(every(data.train)[0]) == noise(2, 102)).all()


def test_a_group_stays_in_one_part_and_a_word_can_be_predicted(named):
    data = prepared(named, names=FORM, group="speaker", held_out=0.3)
    assert not set(said(data.train, "speaker")) & set(said(data.held_out, "speaker"))
    assert prepared(named, names=FORM, predict="speaker").codec.classes == ("ann", "bob", "cy")
    with pytest.raises(Problem, match="not in the training part"):
        prepared(named, names=FORM, predict="speaker", group="speaker")
    with pytest.raises(Problem, match="Take labels or one of: label, speaker, take"):
        prepared(named, names=FORM, predict="age")


def test_folders_are_classes_in_a_zip_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(20):
            held = io.BytesIO()
            soundfile.write(held, noise(i), 8000, format="FLAC")
            archive.writestr(f"all/{('dog', 'cat')[i % 2]}/{i}.flac", held.getvalue())
    assert sound.recognise(tmp_path / "a.zip")
    data = prepared(tmp_path / "a.zip")
    assert data.codec.classes == ("cat", "dog")
    assert len(data.train) + len(data.held_out) == 20
    alone = sound.open(str(tmp_path / "a.zip"), Options()).prepare().codec.spec
    assert list(alone.condition) == ["label"]
    assert not alone.target


def test_a_flat_folder_needs_a_pattern_or_folders(named):
    with pytest.raises(Problem, match=r"folder of its own, or pass --names"):
        prepared(named)


def test_every_depth_rate_and_number_of_channels_works_and_is_said(named):
    for subtype in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT"):
        write(named / f"no_dan_{subtype.replace('_', '')}.wav", np.sin(np.arange(300) / 9) / 2, 8000, subtype)
    write(named / "no_eve_1.wav", noise(90, 400), 16000)
    write(named / "no_eve_2.wav", np.stack([noise(91), -noise(91)], 1))
    write(named / "no_eve_3.wav", np.array([2.0, 0.5] * 50), 8000, "FLOAT")
    data = prepared(named, names=FORM, held_out=0.0)
    kept = dict(zip(said(data.train, "item"), every(data.train)))
    assert len(kept["no_eve_1.wav"]) == 200
    assert not kept["no_eve_2.wav"].any()
    for name in ("PCM24", "PCM32", "FLOAT"):
        assert kept[f"no_dan_{name}.wav"] == pytest.approx(np.sin(np.arange(300) / 9) / 2, abs=0.51 / 32768)
    for line in ("1 files of another rate", "1 files of several channels", "1 files go beyond", "1 files are silent"):
        assert any(note.startswith(line) for note in data.notes) == (line != "1 files are silent")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"words, words\n" * 20, "not a sound"),
        (b"", "0 bytes"),
        ("none", "0 seconds"),
        ("nan", "NaN"),
        ("cut", "cut short"),
    ],
)
def test_a_bad_file_is_named_or_left_out_and_counted(named, content, match):
    bad = named / "no_bad_0.wav"
    if isinstance(content, bytes):
        bad.write_bytes(content)
    else:
        samples = {"none": np.zeros(0), "nan": np.array([0.0, np.nan]), "cut": np.zeros(500)}[content]
        write(bad, samples, 8000, "FLOAT")
        if content == "cut":
            bad.write_bytes(bad.read_bytes()[:700])
    with pytest.raises(Problem, match=rf"no_bad_0\.wav: .*{match}.*--skip-bad"):
        prepared(named, names=FORM)
    data = prepared(named, names=FORM, skip_bad=True)
    assert len(data.train) + len(data.held_out) == 30
    assert any(note.startswith("1 files left out") for note in data.notes)
    assert sound.open(str(named), Options(names=FORM)).summary().bad


def test_one_class_is_nothing_to_tell_apart(tmp_path):
    for i in range(4):
        write(tmp_path / f"no_a_{i}.wav", noise(i))
    with pytest.raises(Problem, match="one class only"):
        prepared(tmp_path, names=FORM)


def test_copies_stay_in_one_part(named):
    for i in range(10):
        write(named / f"no_ann_{50 + i}.wav", noise(0, 100))
    for k in range(1, 5):
        data = prepared(named, names=FORM, fold=f"{k}/4")
        takes = [{bytes(bits(x)) for x in every(part)} for part in (data.train, data.held_out)]
        assert not takes[0] & takes[1]
        assert any("copies" in note for note in data.notes)


def test_long_sounds_are_cut_and_said(named):
    data = prepared(named, names=FORM, size=(110,))
    assert max(map(len, every(data.train))) == data.codec.samples == 110
    assert any("cut at 110 samples" in note for note in data.notes)
    write(named / "no_long_1.wav", np.zeros(100_000))
    assert prepared(named, names=FORM, held_out=0.0).codec.samples == 80_000


def test_the_fingerprint_follows_content_and_split(named):
    first = prepared(named, names=FORM).fingerprint
    assert first == prepared(named, names=FORM).fingerprint
    assert first != prepared(named, names=FORM, fold="1/5").fingerprint
    write(named / "no_ann_0.wav", noise(99))
    assert first != prepared(named, names=FORM).fingerprint


def test_unseen_sounds_are_read_as_the_training_part_was(named):
    codec = Codec.from_json(prepared(named, names=FORM).codec.to_json())
    fresh = sound.unseen([str(named)], codec, Options())
    assert fresh.truth
    assert len(fresh.items) == 30
    write(named / "x.wav", noise(7, 5000), 16000)
    one = sound.unseen([str(named / "x.wav")], codec, Options())
    assert not one.truth
    assert one.items.take(torch.tensor([0]))["sound"].shape == (1, codec.samples)


def test_what_is_saved_reads_back_and_the_page_is_a_picture(tmp_path):
    raw = [noise(k).astype(np.float32) / 32768 for k in range(3)]
    files = sound.save(raw, tmp_path, 5)
    assert [file.name for file in files] == ["sample-000005.wav", "sample-000006.wav", "sample-000007.wav"]
    assert (soundfile.read(files[0], dtype="int16")[0] == noise(0)).all()
    sound.show([*raw, np.zeros(50, np.float32)], tmp_path / "page.png")
    assert Image.open(tmp_path / "page.png").size == (2 * 164 + 4, 2 * 132 + 4)


@pytest.mark.parametrize("text", ["label", "{a}{b}", "{a}_{a}", "{a", "{1x}_{b}", "{item}"])
def test_a_pattern_that_reads_nothing_is_refused(text):
    with pytest.raises(Problem, match="--names"):
        Pattern(text)


def test_a_name_is_read_in_one_way_or_not_at_all():
    assert Pattern(FORM).read("a/7_jackson_32.wav") == {"label": "7", "speaker": "jackson", "take": "32"}
    assert Pattern(FORM).read("7_jackson_32_1.wav") is None
    assert Pattern("{speaker}/take{n}").read("ann/take3.wav") == {"speaker": "ann", "n": "3"}
