"""Measures of molecules are MOSES's by definition: on sets whose values are known in closed form, or by another
program."""

from collections import Counter
from itertools import product
from math import sqrt

import numpy as np
import pytest
import torch

from reverie.judging.items import Listed
from reverie.metrics import Sets, judge

pytest.importorskip("rdkit")

from rdkit import Chem, DataStructs
from scipy.stats import wasserstein_distance

from reverie.metrics.molecule import cheap, left_out, neighbours, prepare, suspects
from reverie.metrics.molecule.alerts import passes
from reverie.metrics.molecule.diversity import diversity
from reverie.metrics.molecule.originality import leaning, nearer
from reverie.metrics.molecule.parts import cosine, fragments, scaffold
from reverie.metrics.molecule.prints import best, bits, closest, generator, prints, tanimoto

RINGS = ("c1ccccc1", "c1ccncc1", "C1CCNCC1", "c1ccc2ccccc2c1", "C1CCOC1")
ENDS = ("C", "CC", "CCC", "CO", "CCO", "CN", "C(=O)N", "OC", "NC", "CCN(C)C")


def several(count: int, skip: int = 0) -> list[str]:
    """Different molecules, canonical."""
    made = (f"{a}{b}{ring}" for ring, a, b in product(RINGS, ENDS, ("", "C", "CC", "CCC", "CCCC")))
    found = dict.fromkeys(Chem.MolToSmiles(Chem.MolFromSmiles(one)) for one in made)
    return list(found)[skip : skip + count]


def sets(fake, real=None, train=None, **more) -> Sets:
    real, train = real or several(60, 60), train or several(60)
    return Sets(Listed(fake), Listed(real), Listed(train), **more)


def numbers(given: Sets) -> dict[str, float]:
    return {m.name: m.value for m in judge("molecule", prepare(given))}


def test_validity_counts_what_rdkit_reads_and_no_empty_string():
    found = numbers(sets(["CCO", "OCC", "C(C", "", "c1ccccc1", "CCCCO", "xx", "N"]))
    assert found["validity_8"] == 5 / 8
    assert found["unique_5"] == 4 / 5  # ethanol came twice, written in two ways
    assert found["novelty_8"] == 1.0


def test_novelty_is_over_different_molecules_however_they_are_written():
    train = several(50)
    again = Chem.MolToSmiles(Chem.MolFromSmiles(train[3]), doRandom=True, canonical=False)
    fake = [again, train[3], "CCCCCCCC", "CCCCCCCCC", "CCCCCCCCCC"]
    assert numbers(sets(fake, train=train))["novelty_5"] == 3 / 4


def test_training_molecules_that_are_not_written_canonically_are_known_all_the_same():
    train = [Chem.MolToSmiles(Chem.MolFromSmiles(one), canonical=False, rootedAtAtom=2) for one in several(50)]
    fake = several(10)
    assert numbers(sets(fake, train=train))["novelty_10"] == 0.0


def test_one_molecule_again_and_again_has_no_internal_diversity():
    assert diversity(prints(["CCOc1ccccc1"] * 7)) == pytest.approx((0.0, 0.0), abs=1e-7)


def test_internal_diversity_of_two_sorts_is_by_hand():
    """Half of one sort and half of another of likeness t: the mean likeness is (1 + t) / 2, the mean square (1 + t²) /
    2; each molecule with itself counts, as MOSES has it."""
    one, two = "CCOc1ccccc1", "CCNc1ccccc1"
    a, b = (generator().GetFingerprint(Chem.MolFromSmiles(s)) for s in (one, two))
    t = DataStructs.TanimotoSimilarity(a, b)
    assert 0.2 < t < 0.9
    found = diversity(prints([one, two] * 3))
    assert found == pytest.approx((1 - (1 + t) / 2, 1 - sqrt((1 + t * t) / 2)), abs=1e-6)
    common, rare = sqrt((3 + t * t) / 4), sqrt((1 + 3 * t * t) / 4)  # of its sort, alone
    assert diversity(prints([one, one, one, two]))[1] == pytest.approx(1 - (3 * common + rare) / 4, abs=1e-6)


def test_likeness_is_rdkits_and_the_nearest_is_found_whatever_the_parts():
    fake, real = several(40), several(70, 90)
    theirs = [generator().GetFingerprint(Chem.MolFromSmiles(s)) for s in real]
    wanted = [
        DataStructs.BulkTanimotoSimilarity(generator().GetFingerprint(Chem.MolFromSmiles(s)), theirs) for s in fake
    ]
    assert tanimoto(bits(prints(fake)), bits(prints(real))).numpy() == pytest.approx(np.array(wanted), abs=1e-6)
    assert best(prints(fake), prints(real)).numpy() == pytest.approx(np.max(wanted, 1), abs=1e-6)
    values, which = closest(prints(fake), prints(real), 3)
    assert values.numpy() == pytest.approx(-np.sort(-np.array(wanted), 1)[:, :3], abs=1e-6)
    assert [wanted[i][j] for i, j in enumerate(which[:, 0].tolist())] == pytest.approx(np.max(wanted, 1), abs=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.6])  # 0.6: more bits than bfloat16 has whole numbers for
def test_the_nearest_is_exact_however_many_bits_are_set(share):
    rng = np.random.default_rng(0)
    one, two = (torch.from_numpy(np.packbits(rng.random((n, 1024)) < share, axis=1)) for n in (30, 50))
    assert torch.equal(best(one, two), tanimoto(bits(one), bits(two)).amax(1))


def test_a_molecule_without_bits_is_like_one_without_bits():
    nothing = torch.zeros(2, 128, dtype=torch.uint8)
    assert best(nothing, nothing).tolist() == [1.0, 1.0]
    assert best(nothing, prints(["CCO"])).tolist() == [0.0, 0.0]


def test_cosines_of_counts_are_by_hand():
    assert cosine(Counter(a=3, b=4), Counter(a=3, c=5)) == pytest.approx(9 / (5 * sqrt(34)))
    assert cosine(Counter(a=2, b=4), Counter(a=1, b=2)) == pytest.approx(1.0)
    assert cosine(Counter(a=1), Counter(b=1)) == 0.0
    assert cosine(Counter(), Counter(b=1)) is None


def test_a_scaffold_has_two_rings_and_no_side_chains():
    assert scaffold("CCc1ccc(Cc2ccccn2)cc1O") == Chem.MolToSmiles(Chem.MolFromSmiles("c1ccc(Cc2ccccn2)cc1"))
    assert scaffold("CCc1ccccc1") is None
    assert scaffold("CCCC") is None
    assert scaffold("not a molecule") is None


def test_brics_cuts_an_amide_at_its_nitrogen():
    assert sorted(fragments("CCCNC(=O)c1ccccc1")) == sorted(
        Chem.MolToSmiles(Chem.MolFromSmiles(s), isomericSmiles=True)
        for s in ("[4*]CCC", "[5*]N[5*]", "[1*]C([6*])=O", "[16*]c1ccccc1")
    )


def test_properties_distances_are_scipys_of_the_samples_own_values():
    from rdkit.Chem import Descriptors

    fake, real = several(30), several(60, 60)
    weights = [[Descriptors.MolWt(Chem.MolFromSmiles(s)) for s in side] for side in (fake, real)]
    found = {m.name: m for m in judge("molecule", prepare(sets([*fake, "x("], real)))}["weight_w1_31"]
    assert found.value == pytest.approx(wasserstein_distance(*weights))
    assert found.reference == pytest.approx(np.abs(np.array(weights[1]) - np.median(weights[1])).mean())


@pytest.mark.parametrize(
    ("smiles", "lets"),
    [
        ("CCOc1ccccc1", True), ("CC[N+](C)(C)C", False), ("C[Si](C)(C)C", False), ("C1CCCCCCC1", False),
        ("C1CCCCCC1", True), ("CCCl", False), ("CC=O", False), ("C1OC1C", False), ("CN=NC", False), ("CSSC", False),
        ("COC(C)OC", False), ("FC(F)(F)C(F)(F)C(F)(F)C", False), ("FC(F)(F)CC(F)(F)F", True), ("Clc1ccccn1", False),
        ("Clc1ccccc1", True), ("C=CC(=O)NC", False), ("O=C1C=CC(=O)C=C1", False), ("C(", False),
    ],
)  # fmt: skip
def test_the_filters_let_pass_what_their_words_say(smiles, lets):
    assert passes(smiles) is lets


def test_samples_of_held_out_molecules_lean_to_nothing_and_copies_do():
    train, real = several(100, 0), several(100, 100)
    both = train[:50] + real[:50]
    even = nearer(prints(both), prints(train), prints(real))
    assert even.low < 0.5 < even.high
    own = nearer(prints(train), prints(train), prints(real))
    assert own.share > 0.95
    assert own.p < 1e-6
    assert nearer(prints(real), prints(train), prints(real)).share < 0.05


def test_ties_go_to_neither_side():
    """Each molecule stands on both sides: what is nearest is a tie, and which wins must not hang on the order."""
    same = prints(several(100))
    found = nearer(same, same, same)
    assert abs(found.share - 0.5) < 4 * sqrt(0.25 / 100)  # four deviations of fair coins


def test_of_many_molecules_the_nearest_is_sought_evenly(monkeypatch):
    """What is copied stands in the second half of the training molecules: half of it is looked through, and of that
    some lean to a homologue of the same fingerprint, as a coin says."""
    for name, value in (("COMPARED", 50), ("LEAST", 25)):
        monkeypatch.setattr(f"reverie.metrics.molecule.originality.{name}", value)
    train, real = several(200)[::2], several(200)[1::2]  # which are much alike, where they stand near each other
    (found,) = leaning(prepare(sets(train[50:], real[50:], train)))
    assert found.value > 0.25


def test_scaffold_test_measures_come_of_the_part_so_named():
    fake = several(40)
    found = numbers(sets(fake, beside={"test_scaffolds": Listed(several(50, 120)), "other": Listed(["C"])}))
    alone = numbers(sets(fake, real=several(50, 120)))
    assert found["snn_scaffolds_40"] == pytest.approx(alone["snn_40"])
    assert found["frag_scaffolds_40"] == pytest.approx(alone["frag_40"])


def test_nothing_is_said_of_structures_where_no_sample_is_a_molecule():
    found = numbers(sets(["C(", "xx"]))
    assert found == {"validity_2": 0.0}


def test_what_is_watched_falls_with_broken_molecules_and_leaves_groups_out():
    real = several(20)
    broken = [*real[:10], *["C(("] * 10]
    assert cheap(real, real)[1] == 0.0
    assert cheap(real, broken)[1] > 0.5
    groups = [torch.arange(10), torch.arange(10, 20)]
    assert left_out(real, broken, groups)[1] == pytest.approx(cheap(real[:10], real[:10])[1])


def test_a_sample_beside_its_nearest_is_itself_where_it_was_trained_on():
    train = several(60)
    fake = [train[7], "C(", train[11]]
    seen = prepare(sets(fake, train=train, bank=Listed(train)))
    assert neighbours(seen, 3, 2)[[0, 2], 0].tolist() == [7, 11]
    assert set(suspects(seen, 2)) == {(0, 7), (2, 11)}


def test_what_is_kept_of_real_molecules_is_what_was_computed(tmp_path, monkeypatch):
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path))
    given = sets(several(30))
    first = numbers(given)
    kept = list(tmp_path.rglob("*.*"))
    assert kept
    assert numbers(given) == first
    for file in kept:
        file.write_bytes(b"broken")
    assert numbers(given) == first
