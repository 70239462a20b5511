"""Domains are walked through apart, from Python and from the command line; a run of them goes on bit for bit."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

import reverie
from reverie.errors import Problem, Stopped
from reverie.kinds.domains import Domains
from reverie.training import checkpoint
from reverie.training.progress import Silent
from reverie.training.stream import Aside, Stream
from stripes import write_stripes
from toys import Values


def numbers(first: int, count: int) -> Values:
    return Values({"x": torch.arange(first, first + count)})


def stream(a: int = 7, b: int = 4, batch: int = 3, seed: int = 0, shards: int = 1) -> Stream:
    return Stream(Domains({"a": numbers(0, a), "b": numbers(100, b)}), batch, seed, shards)


def drawn(s: Stream, batches: int) -> dict[str, list[int]]:
    found = [s(k) for k in range(batches)]
    return {name: [int(x) for batch in found for x in batch.domains[name]["x"]] for name in "ab"}


def test_each_domain_has_epochs_of_its_own_length():
    got = drawn(stream(), 28)
    for name, count, first in (("a", 7, 0), ("b", 4, 100)):
        for k in range(0, 84, count):
            assert sorted(got[name][k : k + count]) == list(range(first, first + count))


def test_a_domain_s_order_is_a_function_of_seed_domain_and_epoch_alone():
    one, other = drawn(stream(), 28), drawn(stream(a=9), 28)
    assert one["b"] == other["b"]  # whatever the other domain holds
    assert len({tuple(one["b"][k : k + 4]) for k in range(0, 84, 4)}) > 10  # of 24 orders that there are
    assert drawn(stream(seed=1), 28)["b"] != one["b"]
    jumped = stream()(27).domains["b"]["x"].tolist()
    assert jumped == one["b"][81:84]
    alike = drawn(Stream(Domains({"a": numbers(100, 4), "b": numbers(100, 4)}), 4, 0), 8)
    assert alike["a"] != alike["b"]  # two domains of one size are not walked through side by side


def test_shards_are_each_domain_s_batch_cut_in_parts():
    whole, parts = stream(batch=5), stream(batch=5, shards=3)
    for name in "ab":
        cut = [parts.shard(2, s).domains[name]["x"] for s in range(3)]
        assert [len(x) for x in cut] == [2, 2, 1]
        assert torch.equal(torch.cat(cut), whole(2).domains[name]["x"])


def test_a_pass_through_all_has_every_item_of_every_domain_once():
    found = {"a": [], "b": []}
    aside = Aside(stream(shards=2), torch.device("cpu"))
    for batch in aside.whole():
        for name, inner in batch.domains.items():
            found[name] += inner["x"].tolist()
    assert found == {"a": list(range(7)), "b": list(range(100, 104))}
    assert aside.shards == 2


def test_items_of_domains_are_those_that_each_has():
    both = Domains({"a": numbers(0, 7), "b": numbers(100, 4)})
    assert len(both) == 7
    batch = both.take(torch.tensor([1, 5, 3]))
    assert {k: v["x"].tolist() for k, v in batch.domains.items()} == {"a": [1, 5, 3], "b": [101, 103]}
    assert len(batch) == 3


@pytest.fixture(scope="module")
def stripes(tmp_path_factory) -> Path:
    return write_stripes(tmp_path_factory.mktemp("two"), 12, digits=2)


class Interrupting(Silent):
    """Presses Ctrl-C at the third step."""

    def step(self, step, logs, speed, seconds_left):
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)


def fitted(stripes: Path, out: Path, steps: int, **more) -> reverie.Run:
    places = [stripes / "across", stripes / "down"]
    training = {"batch": 4, **more.pop("training", {})}
    return reverie.fit(places, "cyclegan", set="tiny", steps=steps, out=out, training=training, held_out=0.25, **more)


def test_a_run_keeps_both_places_and_goes_on_bit_for_bit(stripes, tmp_path):
    whole = fitted(stripes, tmp_path / "whole", 6, shards=2)
    source = whole.info["source"]
    assert source["where"] == str((stripes / "across").resolve())
    assert source["options"]["beside"] == [str((stripes / "down").resolve())]
    assert [one["name"] for one in source["domains"]] == ["across", "down"]
    assert [one["items"] for one in source["domains"]] == [9, 9]
    assert len({one["fingerprint"] for one in source["domains"]} | {source["fingerprint"]}) == 3
    with pytest.raises(Stopped):
        fitted(stripes, tmp_path / "cut", 6, shards=2, reporter=Interrupting())
    assert reverie.open(tmp_path / "cut").step < 6
    fitted(stripes, tmp_path / "cut", 6, shards=2)
    first, last = (checkpoint.load(tmp_path / name / "last.ckpt") for name in ("whole", "cut"))
    pools = {k: v for k, v in first["trainer"]["model"].items() if k.endswith("images")}
    assert {v.shape[0] for v in pools.values()} == {2}  # one a shard
    assert all(v.any() for v in pools.values())
    assert all(torch.equal(v, last["trainer"]["model"][k]) for k, v in first["trainer"]["model"].items())
    assert (tmp_path / "cut" / "weights.safetensors").read_bytes() == (whole.path / "weights.safetensors").read_bytes()
    assert whole.prepared.train.domains.keys() == {"across", "down"}
    assert whole.model.spec.domains == ("across", "down")
    assert (tmp_path / "whole" / "samples" / "step-0000006.png").is_file()
    line = (tmp_path / "whole" / "log.jsonl").read_text().splitlines()[-1]
    assert {"generators", "discriminators", "real", "fake", "cycle", "cycle_rmse"} < set(json.loads(line))


def test_an_old_folder_takes_no_other_second_domain(stripes, tmp_path):
    fitted(stripes, tmp_path / "run", 2)
    with pytest.raises(Problem, match="other data"):
        reverie.fit([stripes / "across", stripes / "dots"], "cyclegan", set="tiny", steps=3, out=tmp_path / "run")
    with pytest.raises(Problem, match="other data"):
        reverie.fit([stripes / "down", stripes / "across"], "cyclegan", set="tiny", steps=3, out=tmp_path / "run")


def test_two_places_choose_a_model_that_translates_and_another_model_refuses_them(stripes, tmp_path):
    places = [stripes / "across", stripes / "down"]
    run = reverie.fit(places, set="tiny", steps=2, out=tmp_path / "run")
    assert "translate" in run.family.abilities
    with pytest.raises(Problem, match=r"vae: learns from one set, and .*across and .*down are two.*--model cyclegan"):
        reverie.fit(places, "vae", set="tiny", steps=2, out=tmp_path / "vae")
    with pytest.raises(Problem, match=r"one set of pictures.*reverie fit A B"):
        reverie.fit(stripes / "across", "cyclegan", set="tiny", steps=2, out=tmp_path / "one")
    assert not (tmp_path / "vae").exists()
    assert not (tmp_path / "one").exists()
