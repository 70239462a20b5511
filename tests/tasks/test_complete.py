"""Going on from a prompt: what is there stays, and what comes is a function of (seed, i)."""

from pathlib import Path

import pytest
import torch

import reverie
from reverie.core import Continues
from reverie.errors import Problem
from reverie.tasks.complete import Asked, complete, streamed
from reverie.training.run import Run

FABLE = "the fox saw the crow, the crow saw the fox; ça va? said the crow. "


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("text")
    (folder / "fable.txt").write_text(FABLE * 60, encoding="utf-8")
    return reverie.fit(folder / "fable.txt", "gpt", set="tiny", steps=200, out=folder / "run")


def documents(folder: Path) -> Path:
    (folder / "texts").mkdir()
    for k in range(40):
        (folder / "texts" / f"{k}.txt").write_text(f"no. {k % 4}", encoding="utf-8")
    return folder / "texts"


@pytest.fixture(scope="module", params=["characters", "bytes", "bpe"])
def apart(request, tmp_path_factory) -> Run:
    """Of documents of a few characters, each ended."""
    folder = tmp_path_factory.mktemp(request.param)
    more = {"tokens": request.param, **({"vocabulary": 260} if request.param == "bpe" else {})}
    return reverie.fit(documents(folder), "gpt", set="tiny", steps=150, size=(8,), out=folder / "run", **more)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("sentences")
    lines = [f"the {a} {b} the {c}" for a in ("fox", "crow", "cat") for b in ("saw", "ate") for c in ("egg", "sea")]
    (folder / "lines.txt").write_text("\n".join(lines * 4), encoding="utf-8")
    fit = {"kind": "sentences", "vocabulary": 270, "set": "tiny", "steps": 150, "out": folder / "run"}
    return reverie.fit(folder / "lines.txt", "gpt", **fit)


def test_a_completion_begins_with_its_prompt_and_goes_on_for_as_many_tokens_as_asked(text):
    (found,) = text.complete("the fox", length=30)
    assert found.startswith("the fox")
    assert len(found) == 37
    assert isinstance(text.model, Continues)


def test_what_is_written_is_what_the_likeliest_tokens_of_a_whole_pass_say(text):
    """Temperature 0, beyond the context of 16: the window's half is read again."""
    (found,) = text.complete("the crow", length=12, temperature=0.0)
    ids = [int(x) for x in text.codec.ids("the crow")]
    row = [text.codec.start, *ids]
    context = text.spec.only[1].shape[0] - 1
    with torch.no_grad():
        while len(row) - 1 < len(ids) + 12 and len(row) <= context:
            row.append(int(text.model.transformer(torch.tensor([row]))[0, -1].argmax()))
    assert found.startswith(text.codec.text(row[1:]))
    assert len(row) > len(ids) + 4


def test_completions_hang_on_seed_and_number_alone(text):
    ask = Asked("the ", seed=3, how={"length": 20})
    five, nine = complete(text, ask, 5).raw, complete(text, ask, 9).raw
    assert nine[:5] == five
    assert len(set(nine)) > 1
    assert complete(text, Asked("the ", seed=4, how={"length": 20}), 5).raw != five


@pytest.mark.parametrize("prompt", ["the fox", "", "ça"])
def test_a_stream_adds_up_to_the_completion(text, prompt):
    ask = Asked(prompt, seed=1, how={"length": 25})
    parts = list(streamed(text, ask))
    assert "".join(parts) == complete(text, ask).raw[0]
    assert len(parts) > 20


def test_documents_end_and_what_would_follow_is_not_theirs(apart):
    found = complete(apart, Asked("no. ", how={"length": 40, "temperature": 0.3}), 40).raw
    assert all(text.startswith("no. ") for text in found)
    assert sum(text in {f"no. {k}" for k in range(4)} for text in found) > 30
    ask = Asked("no", seed=5, how={"length": 40})
    assert "".join(streamed(apart, ask)) == complete(apart, ask).raw[0]


def test_half_a_character_waits_for_its_other_bytes(tmp_path):
    (tmp_path / "zh.txt").write_text("漢字かな" * 400, encoding="utf-8")
    run = reverie.fit(tmp_path / "zh.txt", "gpt", set="tiny", steps=120, tokens="bytes", out=tmp_path / "run")
    parts = list(streamed(run, Asked("漢", how={"length": 24, "temperature": 0.0})))
    assert "".join(parts) == run.complete("漢", length=24, temperature=0.0)[0]
    assert not any("\ufffd" in part for part in parts[:-1])


def test_sentences_are_gone_on_with_to_their_end(sentences):
    found = complete(sentences, Asked("the fox", how={"temperature": 0.2}), 30).raw
    assert all(line.startswith("the fox") for line in found)
    assert sum(line in {f"the fox {b} the {c}" for b in ("saw", "ate") for c in ("egg", "sea")} for line in found) > 20


def test_what_cannot_be_gone_on_from_is_said(text, sentences, coded):
    with pytest.raises(Problem, match=r"'漢' \(U\+6F22\).*not among the"):
        text.complete("漢")
    with pytest.raises(Problem, match="tokens, and an item of this run has at most"):
        sentences.complete("the fox saw " * 20)
    with pytest.raises(Problem, match="vae goes on from nothing"):
        coded.complete("a")
    with pytest.raises(Problem, match="-n 0: ask for at least 1"):
        text.complete("a", 0)
    with pytest.raises(Problem, match="--label x: gpt takes no labels"):
        text.complete("a", label="x")


def test_a_prompt_longer_than_the_context_is_told_of(text):
    made = complete(text, Asked(FABLE, how={"length": 3}))
    assert made.raw[0].startswith(FABLE)
    assert made.notes == [f"the prompt has {len(FABLE)} tokens, of which the model sees the last 16 at once"]
