"""`reverie tradeoff` as a person meets it: a table, a page, and one line for what can't be."""

import pytest

ASK = ("tradeoff", "pictures", "--set", "tiny", "--steps", 3, "--samples", 6, "--held-out", 0.3, "--betas", "4,0.5")


def test_the_curve_the_files_and_the_next_command_are_told(office, typed):
    done = typed(*ASK)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert any(line.startswith("beta 0.5: ") and "bits a code, distortion" in line for line in lines)
    assert lines[-3:] == [
        "wrote runs/tradeoff-pictures/tradeoff.json",
        "wrote runs/tradeoff-pictures/tradeoff.html",
        "next: reverie evaluate runs/tradeoff-pictures/beta-4",
    ]
    again = typed(*ASK, "--json")
    assert again.code == 0, again.err
    assert [point["beta"] for point in again.json["points"]] == [0.5, 4]
    assert {m["name"] for m in again.json["points"][0]["metrics"]} >= {"rate_nats", "rate_bits", "distortion_nats"}


WRONG = [
    (("tradeoff",), ("DATA", "missing")),
    (("tradeoff", "pictures", "--model", "dcgan"), ("--model dcgan", "no rate")),
    (("tradeoff", "pictures", "--model", "vea"), ("--model vea", "Did you mean vae?")),
    (("tradeoff", "pictures", "--betas=-1,2"), ("--betas -1", "0 or more")),
    (("tradeoff", "pictures", "--betas", "much"), ("--betas much", "not a number")),
    (("tradeoff", "pictures", "--steps", "3", "--time", "1m", "--out", "x"), ("--steps 3 --time 1m", "one of")),
    (("tradeoff", "pictures", "--out", "pictures"), ("pictures", "not empty", "--out")),
    (("tradeoff", "nowhere"), ("nowhere", "no such file, folder or named set")),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=[" ".join(words)[:60] for words, _ in WRONG])
def test_what_cant_be_is_one_line(office, typed, words, says):
    typed(*words).refused(*says)
