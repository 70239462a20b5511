"""Sentence pairs: which files are pairs, which language is read and which is written, what is learnt from what."""

import gzip
import json
import shutil

import pytest
import torch

from reverie.errors import Problem
from reverie.kinds import DataOptions, pairs
from reverie.kinds.find import open_source
from reverie.kinds.pairs.codec import END, FIRST, START, Codec
from reverie.kinds.pairs.files import language
from reverie.spec import Spec

COUNT = 60
ANIMALS = {"dog": "Hund", "cat": "Katze", "cow": "Kuh", "hen": "Henne", "fox": "Fuchs"}
SMALL = DataOptions(predict="de", vocabulary=300)


def sentences(count: int, start: int = 0) -> tuple[list[str], list[str]]:
    names = list(ANIMALS.items())
    chosen = [(names[k % 5], k) for k in range(start, start + count)]
    return [f"A {a} sees {k} trees." for (a, _), k in chosen], [f"Ein {b} sieht {k} Bäume." for (_, b), k in chosen]


def write(folder, stem, sides, packed=False):
    for code, lines in sides.items():
        text = "".join(f"{line}\n" for line in lines)
        if packed:
            (folder / f"{stem}.{code}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / f"{stem}.{code}").write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """Three parts in two languages, packed."""
    for stem, (count, start) in {"train": (COUNT, 0), "val": (8, 100), "test_2016_flickr": (6, 200)}.items():
        write(tmp_path, stem, dict(zip(("en", "de"), sentences(count, start))), packed=True)
    return tmp_path


def prepared(where, **options):
    return open_source(str(where), DataOptions(**{"predict": "de", "vocabulary": 300, **options})).prepare()


def every(items):
    return items.raw(torch.arange(len(items)))


def test_files_of_two_languages_are_pairs(folder):
    assert pairs.recognise(folder)
    assert open_source(str(folder), SMALL).kind == "pairs"


@pytest.mark.parametrize("suffixes", [("css", "cpp"), ("py", "md"), ("tex", "bib"), ("jpg", "png"), ("en", "txt")])
def test_files_of_one_name_that_are_no_languages_are_no_pairs(tmp_path, suffixes):
    for suffix in suffixes:
        (tmp_path / f"main.{suffix}").write_text("one\n")
    assert not pairs.recognise(tmp_path)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a.en", "en"),
        ("a.b.zh-CN.gz", "zh-CN"),
        ("dev.eng_Latn", "eng_Latn"),
        ("a.deu", "deu"),
        ("x.log", ""),
        ("en", ""),
    ],
)
def test_a_file_says_its_language(tmp_path, name, code):
    assert language(tmp_path / name) == code


def test_the_files_names_say_the_parts(folder):
    data = prepared(folder)
    assert (len(data.train), len(data.held_out), len(data.calibration)) == (COUNT, 6, 8)
    assert every(data.held_out)[0] == {"source": "A dog sees 200 trees.", "target": "Ein Hund sieht 200 Bäume."}
    assert every(data.calibration)[0]["source"] == "A dog sees 100 trees."


def test_without_parts_a_share_is_drawn_and_nothing_is_in_two(tmp_path):
    write(tmp_path, "all", dict(zip(("en", "de"), sentences(300))))
    data = prepared(tmp_path)
    shares = [{row["source"] for row in every(x)} for x in (data.train, data.held_out, data.calibration)]
    assert [len(x) for x in shares] == [243, 30, 27]
    assert len(set.union(*shares)) == 300


def test_the_vocabulary_is_learnt_from_the_training_part_alone(folder):
    before = prepared(folder)
    for part, word in (("test_2016_flickr", "Quxquxquxqux"), ("val", "Zyzzyzzyzzyz")):
        write(folder, part, {"en": [word] * 50, "de": [word] * 50}, packed=True)
    after = prepared(folder)
    assert after.codec == before.codec
    assert after.fingerprint != before.fingerprint


def test_two_languages_need_no_more_than_one_word(folder):
    for options, wanted in (
        ({"predict": "de"}, ("en", "de")),
        ({"predict": "en"}, ("de", "en")),
        ({"predict": "translation", "column": "de"}, ("de", "en")),
        ({"predict": "translation"}, ("de", "en")),
    ):
        data = prepared(folder, **options)
        assert data.codec.languages == wanted
        assert data.notes[0].startswith(f"translates {wanted[0]} into {wanted[1]}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"predict": "de"}, "--predict de: 3 languages. Pass --column out of en, fr"),
        ({"predict": "translation", "column": "en"}, "--column en: 3 languages. Pass --predict out of de, fr"),
        ({"predict": "translation"}, "3 languages. Pass --column and --predict out of de, en, fr"),
        ({"predict": "de", "column": "de"}, "--column de --predict de: the same language"),
        ({"predict": "xx", "column": "de"}, "--predict xx: no such language here. There are: de, en, fr"),
        ({"predict": "de", "column": "xx"}, "--column xx: no such language"),
    ],
)
def test_three_languages_ask_for_two(tmp_path, options, said):
    en, de = sentences(COUNT)
    write(tmp_path, "train", {"en": en, "de": de, "fr": de})
    with pytest.raises(Problem) as problem:
        prepared(tmp_path, kind="pairs", **options)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_third_language_that_is_not_asked_for_is_not_read(folder):
    write(folder, "train", {"fr": ["one line"]})
    write(folder, "val", {"fr": ["one line"]})
    write(folder, "test_2016_flickr", {"fr": ["one line"]})
    assert prepared(folder, column="en").codec.languages == ("en", "de")


def test_other_numbers_of_lines_are_refused_with_both_counts(folder):
    en, de = sentences(COUNT)
    write(folder, "train", {"en": en, "de": de[:-3]}, packed=True)
    with pytest.raises(Problem, match=rf"train\.en\.gz has {COUNT} lines, train\.de\.gz {COUNT - 3}"):
        prepared(folder)


def test_pairs_with_an_empty_side_are_left_out_and_said_and_the_rest_keep_their_lines(folder):
    en, de = sentences(COUNT)
    en[3], de[5] = "  ", ""
    write(folder, "train", {"en": en, "de": de}, packed=True)
    data = prepared(folder)
    assert len(data.train) == COUNT - 2
    assert "train.en.gz: pairs with an empty side, left out: 2" in data.notes
    assert data.train.columns(torch.tensor([2, 3, 4])) == {
        "item": ["train 3", "train 5", "train 7"],
        "source": [en[2], en[4], en[6]],
    }


def test_held_out_pairs_that_are_learnt_from_are_counted(folder):
    en, de = sentences(COUNT)
    write(folder, "test_2016_flickr", {"en": [*en[:4], "New."], "de": [*de[:3], "Anders.", "Neu."]}, packed=True)
    assert any(note.startswith("3 held-out pairs are also among those learnt from") for note in prepared(folder).notes)


def test_a_byte_order_mark_is_no_letter_and_latin_1_is_said(tmp_path):
    en, de = sentences(COUNT)
    (tmp_path / "a.en").write_text("\n".join(en), encoding="utf-8-sig")
    (tmp_path / "a.de").write_text("\n".join(de), encoding="latin-1")
    data = prepared(tmp_path, held_out=0.0, calibration=0.0)
    assert every(data.train)[0] == {"source": en[0], "target": de[0]}
    assert "a.de: not UTF-8, read as Latin-1" in data.notes


@pytest.mark.parametrize(
    ("content", "said"), [(b"\x1f\x8bbroken", "can't be read"), (b"\0\1\2" * 40, "NUL bytes"), (b"", "0 lines")]
)
def test_files_that_are_no_text_are_refused_by_name(folder, content, said):
    (folder / "train.de.gz").write_bytes(content)
    with pytest.raises(Problem, match=said) as problem:
        prepared(folder)
    assert "train.de.gz" in str(problem.value)


def test_a_folder_has_its_own_test_part(folder):
    with pytest.raises(Problem, match=r"--test x: of a table. Leave it out; files test\.LANGUAGE are the test part"):
        prepared(folder, test="x")


def test_no_pairs_at_all_are_refused(tmp_path):
    write(tmp_path, "train", {"en": ["", ""], "de": ["", ""]})
    with pytest.raises(Problem, match="no sentence in both en and de"):
        prepared(tmp_path)


def test_long_sentences_are_cut_at_a_stated_length(folder):
    data = prepared(folder, size=(6,))
    assert any("longer ones are cut (--size)" in note for note in data.notes)
    batch = data.train.take(torch.arange(len(data.train)))
    assert batch["source"].shape[1] == 6
    assert batch.lengths["source"].max() == 6
    assert (batch["source"][:, -1] == END).all()
    assert (
        every(data.train)[0]["target"] == "Ein Hund sieht 0 Bäume."
    )  # as the file has it: translations are judged by it


def test_a_batch_is_as_wide_as_its_own_longest_and_counts_the_end(folder):
    en, de = sentences(COUNT)
    en[0], de[0] = "A", "E"
    write(folder, "train", {"en": en, "de": de}, packed=True)
    items = prepared(folder).train
    short, both = items.take(torch.tensor([0])), items.take(torch.tensor([0, 1]))
    for name in ("source", "target"):
        assert short[name].shape[1] == short.lengths[name][0] == 2
        assert both[name].shape[1] == both.lengths[name].max() > 2
        assert torch.equal(both[name][0, :2], short[name][0])
        assert (both[name][0, 1:] == END).all()
        for row, length in zip(both[name], both.lengths[name]):
            assert ((row != END).sum() + 1) == length
            assert (row[: length - 1] >= FIRST).all()


def test_the_spec_is_what_a_model_of_sequences_takes(folder):
    codec = prepared(folder).codec
    source, target = codec.spec.fields["source"], codec.spec.target["target"]
    assert source.categories == target.categories == codec.vocabulary <= 300
    assert (source.length, target.length, source.start, target.start) == (True, True, None, START)
    assert (source.shape, target.shape) == tuple((n,) for n in codec.longest)
    assert Spec.from_json(json.loads(json.dumps(codec.spec.to_json()))) == codec.spec


@pytest.mark.parametrize(
    "text", ["A dog.", "Über  zwei   Räume", "日本語 и русский", "emoji 🐕‍🦺!", "«1,000.50»\t–x", "�", "'s n't \"q\""]
)
def test_any_sentence_comes_back_as_it_was_also_what_training_has_not_seen(folder, text):
    codec = prepared(folder, size=(200,)).codec
    codec = Codec(codec.languages, (200, 200), codec.model)
    batch = codec.encode([{"source": text, "target": text}])
    assert codec.decode(batch.values) == [{"source": text, "target": text}]
    assert codec.decode({"target": batch["target"]}) == [{"target": text}]


def test_what_comes_after_the_end_is_not_said(folder):
    codec = prepared(folder).codec
    tokens = codec.encode([{"source": "A dog"}])["source"][0].tolist()
    again = torch.tensor([[START, 2, *tokens, 7, 8, 9]])
    assert codec.decode({"target": again}) == [{"target": "A dog"}]


def test_the_codec_is_the_same_after_json_and_in_another_process_order(folder):
    codec = prepared(folder).codec
    assert Codec.from_json(json.loads(json.dumps(codec.to_json()))) == codec
    assert prepared(folder).codec == codec
    with pytest.raises(Problem, match="pairs codec"):
        Codec.from_json({"languages": ["en"]})


def test_the_content_the_direction_and_the_options_are_in_the_fingerprint(folder, tmp_path_factory):
    first = prepared(folder).fingerprint
    copy = tmp_path_factory.mktemp("copy") / "there"
    shutil.copytree(folder, copy)
    assert prepared(copy).fingerprint == first
    assert len({first, *(prepared(folder, **o).fingerprint for o in ({"predict": "en"}, {"vocabulary": 299}))}) == 3


def test_a_vocabulary_too_small_for_bytes_is_refused(folder):
    with pytest.raises(Problem, match="too small"):
        prepared(folder, vocabulary=100)


def test_the_summary_says_languages_parts_and_what_fit_would_do(folder):
    summary = open_source(str(folder), SMALL).summary()
    assert (summary.kind, summary.count, summary.train) == ("pairs", COUNT + 14, COUNT)
    assert summary.facts["parts"] == {"train": COUNT, "val": 8, "test": 6}
    assert summary.facts["languages"] == "de, en"
    assert summary.plan[0].startswith("translates en into de")


def test_pairs_are_saved_as_lines_and_shown_below_each_other(tmp_path):
    raw = [{"source": "A\tdog", "target": "Ein Hund"}, {"source": "A cat", "target": "Eine Katze"}]
    files = pairs.save(raw, tmp_path / "out", first=3)
    assert [f.name for f in files] == ["sample-000003.tsv", "sample-000004.tsv"]
    assert files[0].read_text() == "A dog\tEin Hund\n"
    pairs.show(raw, tmp_path / "sheet.txt")
    assert (tmp_path / "sheet.txt").read_text().splitlines()[:2] == ["A\tdog", "    Ein Hund"]


def test_multi30k_has_its_own_parts(real_data):
    data = open_source("multi30k", DataOptions(predict="de", column="en")).prepare()
    assert (len(data.train), len(data.held_out), len(data.calibration)) == (29_000, 1_000, 1_014)
    index = torch.arange(0, 1000, 37)
    batch, codec = data.held_out.take(index), data.codec
    assert codec.decode(batch.values) == data.held_out.raw(index)
