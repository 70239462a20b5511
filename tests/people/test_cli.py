"""The verbs as the README promises them: what they print, what --json holds, how they end."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reverie.commands import VERBS

SMALL = ("fit", "pictures", "--model", "vae", "--set", "tiny", "--batch", 8)


# ----------------------------------------------------------------------------------------------------------------- json


def test_fit_prints_the_run_steps_and_last_losses(office):
    done = office.reverie(*SMALL, "--steps", 3, "--out", "json-run", "--json")
    found = done.json
    assert found["run"] == "json-run"
    assert (found["model"], found["steps"]) == ("vae", 3)
    assert {"loss", "kl"} <= set(found["losses"])
    assert all((office.folder / file).is_file() for file in found["files"])
    again = office.reverie("fit", "pictures", "--out", "json-run", "--json").json
    assert again["losses"] == found["losses"]
    further = office.reverie("fit", "pictures", "--out", "json-run", "--steps", 5, "--json").json
    assert further["steps"] == 5


def test_sample_prints_its_files_and_repeats_itself(office):
    first = office.reverie("sample", "run", "-n", 5, "--seed", 3, "--out", "five", "--json").json
    assert len(first["files"]) == 5
    more = office.reverie("sample", "run", "-n", 9, "--seed", 3, "--out", "nine", "--grid", "sheet.png", "--json").json
    assert more["grid"] == "sheet.png"
    assert (office.folder / "sheet.png").is_file()
    for a, b in zip(first["files"], more["files"]):
        assert (office.folder / a).read_bytes() == (office.folder / b).read_bytes()
    other = office.reverie("sample", "run", "-n", 5, "--seed", 4, "--out", "other", "--json").json
    assert (office.folder / other["files"][0]).read_bytes() != (office.folder / first["files"][0]).read_bytes()


def test_fewer_samples_leave_no_old_ones_behind(office):
    office.reverie("sample", "run", "-n", 6)
    office.reverie("sample", "run", "-n", 2)
    assert len(list((office.folder / "run/samples/seed-0").glob("sample-*"))) == 2


def test_fit_and_sample_say_of_which_density_samples_are_drawn(typed):
    """Of a model that has no prior of its own; of others, nothing."""
    fitted = typed("fit", "pictures", "--model", "autoencoder", "--set", "tiny", "--steps", 2, "--out", "coded")
    drawn = typed("sample", "coded", "-n", 2, "--out", "coded-samples")
    for done in (fitted, drawn):
        assert done.code == 0, done.err
        assert "a mixture of 2 Gaussians, fitted after training to" in done.out + done.err
    other = typed("sample", "run", "-n", 2, "--out", "vae-samples")
    assert "Gaussian" not in other.out + other.err


def test_evaluate_prints_a_list_of_metrics(office):
    found = office.reverie("evaluate", "run", "--samples", 20, "--json").json
    assert found["metrics"]
    for metric in found["metrics"]:
        assert {"name", "value", "unit", "samples", "protocol"} <= set(metric)
        assert set(metric) <= {"name", "value", "unit", "samples", "protocol", "low", "high", "floor", "reference", "p"}
    assert all((office.folder / file).is_file() for file in found["files"])


def test_data_prints_what_it_found(office):
    found = office.reverie("data", "pictures", "--json").json
    assert (found["kind"], found["count"], found["bad"]) == ("image", 30, [])
    assert any(line.startswith("train a vae: ") for line in found["plan"])  # which is what `fit` chooses, below
    text = office.reverie("data", "words.txt", "--json").json
    assert text["kind"] == "text"
    assert any(line.startswith("train a gpt: ") for line in text["plan"])


def test_data_says_a_next_command_that_reads_the_data_alike(office):
    (office.folder / "rows.csv").write_text("a,b,why\n" + "".join(f"{k},{k % 7},{k % 2}\n" for k in range(60)))
    said = office.reverie("data", "rows.csv", "--predict", "why", "--fold", "1/5", "--json").json
    assert said["next"] == "reverie fit rows.csv --predict why --fold 1/5"
    assert any("feedforward" in line for line in said["plan"])
    said = office.reverie("data", "rows.csv", "--json").json
    assert said["next"] == "reverie fit rows.csv"
    assert any(line.startswith("train a vae: ") for line in said["plan"])
    assert "or, with --predict COLUMN, learn to predict one" in said["plan"]


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (("dcgan", "--shape", "3x64x64"), {"generator": 3_576_704, "discriminator": 2_765_568}),
        # 784 -> 500 -> 40 and 20 -> 500 -> 784, with biases
        (("vae", "--set", "paper"), {"encoder": 785 * 500 + 501 * 40, "decoder": 21 * 500 + 501 * 784}),
        (("gpt", "--set", "gpt2"), {"transformer": 124_439_808}),
        (("vae", "--set", "paper", "--latents", "2"), {"encoder": 785 * 500 + 501 * 4, "decoder": 3 * 500 + 501 * 784}),
    ],
)
def test_models_counts_parameters_by_network(office, words, counts):
    found = office.reverie("models", *words, "--json").json
    assert found["parameters"] == counts
    assert {"name", "paper", "abilities", "fields"} <= set(found)
    assert {"name", "type", "value", "default", "comment"} == set(found["fields"][0])


@pytest.mark.parametrize(
    ("set", "flag", "network", "more"),
    [
        (("encoder", "--set", "spoken"), ("--classes", "4"), "head", (4 - 10) * 129),
        (("recurrent_lm", "--set", "moses"), ("--vocabulary", "50"), "reads", (50 - 30) * (30 + 768 + 1)),
        (("gpt", "--shape", "128", "--vocabulary", "65"), ("--classes", "3"), "told", 3 * 128),
    ],
)
def test_models_counts_what_classes_and_vocabularies_cost(typed, set, flag, network, more):
    """A line of the head a class; a letter's embedding, here one-hot, and its line of the head; a vector told."""
    before, after = (typed("models", *set, *words, "--json").json["parameters"] for words in ((), flag))
    assert after[network] - before.get(network, 0) == more
    assert {**before, network: after[network]} == after


def test_what_is_shown_says_its_own_classes_and_vocabulary(typed):
    for flag in ("--classes", "--vocabulary"):
        typed("models", "gpt", "--set", "tiny", "--show", "words.txt", flag, "4").refused(f"{flag} 4", "says its own")


def test_models_lists_every_family_with_its_paper(office):
    found = office.reverie("models", "--json").json["models"]
    assert {"vae", "dcgan", "wgan_gp", "convolutional"} <= {model["name"] for model in found}
    assert all(re.search(r"(19|20)\d\d", model["paper"]) for model in found)


def test_models_show_sees_forward_and_backward_propagation_on_ones_own_data(office):
    found = office.reverie("models", "vae", "--set", "tiny", "--show", "pictures", "--json").json
    (turn,) = found["turns"]
    assert turn["layers"][0]["shape"][0] == 16  # the set's batch
    assert all(0 <= layer["dead"] <= 1 for layer in turn["layers"])
    with_parameters = [layer for layer in turn["layers"] if layer["parameters"]]
    assert all(layer["gradient"] > 0 for layer in with_parameters)


@pytest.mark.parametrize("words", [("fit", "nowhere"), ("sample", "nowhere"), ("frob",), ("models", "vea")])
def test_an_error_is_one_json_object_too(office, words):
    done = office.reverie(*words, "--json")
    done.refused()
    assert done.json["code"] == 2
    assert f"reverie: {done.json['error']}\n" == done.err


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_an_error_steers_no_terminal_by_the_name_that_it_repeats(typed, as_json):
    name = "\x1b[31mred\x9b0m\u202egnp"
    done = typed("fit", name, *as_json)
    done.refused("\\u001b[31mred\\u009b0m\\u202egnp: no such file")
    assert not set(done.out + done.err) & set(name[0] + "\x9b\u202e")
    if as_json:
        assert done.json["error"].startswith(f"{name}: no such file")


def test_the_sampling_options_of_a_runs_model_are_flags_of_sample(office):
    done = office.reverie("fit", "words.txt", "--model", "gpt", "--set", "tiny", "--steps", 2, "--out", "text-run")
    assert done.code == 0, done.err
    assert "--top-k" in office.reverie("sample", "text-run", "--help").out
    assert "--top-k" not in office.reverie("sample", "run", "--help").out
    office.reverie("sample", "run", "--top-k", 3).refused("--top-k")
    cold, hot = (
        office.reverie("sample", "text-run", "-n", 2, "--length", 40, "--temperature", t, "--out", name, "--json").json
        for t, name in ((0, "cold"), (1, "hot"))
    )
    texts = [(office.folder / file).read_text() for file in cold["files"]]
    assert texts[0] == texts[1]  # the likeliest token each time: no chance is left
    assert texts[0] != (office.folder / hot["files"][0]).read_text()


def test_export_prints_the_file_and_its_check(office):
    found = office.reverie("export", "run", "--format", "safetensors", "--json").json
    assert (found["format"], found["difference"]) == ("safetensors", 0.0)
    assert all((office.folder / file).is_file() for file in found["files"])


# ------------------------------------------------------------------------------------------------------ what is printed


def test_fit_says_what_it_chose_and_names_its_files_and_the_next_command(office):
    done = office.reverie("fit", "pictures", "--steps", 2, "--batch", 8)
    assert done.code == 0, done.err
    assert re.search(r"^model: vae \(.*few.*\)", done.out, re.M)
    files = re.findall(r"^wrote (.+)$", done.out, re.M)
    assert files
    assert all((office.folder / file).is_file() for file in files)
    following = re.search(r"^next: (.+?) or (.+)$", done.out, re.M)
    assert following
    assert (office.folder / "runs/pictures-vae/run.json").is_file()
    verb, run = following[1].split()[1:]
    assert office.reverie(verb, run, "-n", 2).code == 0  # the next command is true


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_every_flag_and_loads_no_torch(verb):
    code = f"import sys; from reverie.cli import main; main(['{verb}', '--help']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout


def test_help_and_import_take_at_most_half_a_second():
    """Of processor time, the best of three: the machine may be busy."""

    def seconds(*words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds("-m", "reverie", "--help") for _ in range(3)) <= 0.5
    assert min(seconds("-c", "import reverie") for _ in range(3)) <= 0.5


def test_the_fields_of_a_model_are_flags_of_fit_with_their_comments(office):
    plain = office.reverie("fit", "--help").out
    assert "--latents" not in plain
    told = " ".join(office.reverie("fit", "--model", "vae", "--help").out.split())
    assert "--latents N dimensions of the code z (default 20)" in told
    assert "--binarise, --no-binarise" in told


def test_the_same_from_python(office):
    code = """
import reverie
run = reverie.fit("pictures", model="vae", set="tiny", steps=2, training={"batch": 8}, out="python-run")
assert run.sample(3).shape == (3, 16, 20, 1)
assert reverie.open("python-run").path == run.path
assert (reverie.sample("python-run", 3) == run.sample(3)).all()
assert reverie.evaluate(run, samples=20).metrics
try:
    reverie.nothing
except AttributeError:
    print("fine")
"""
    env = {**os.environ, "REVERIE_CACHE": str(office.folder / ".cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=office.folder, env=env, capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr


# ---------------------------------------------------------------------------------------------------------- how it ends


def test_ctrl_c_saves_says_how_to_go_on_and_the_same_command_does(office):
    words = (*SMALL, "--steps", "100000", "--out", "stopped")
    process = subprocess.Popen(
        [sys.executable, "-m", "reverie", *map(str, words)], cwd=office.folder, text=True,
        env={**os.environ, "REVERIE_CACHE": str(office.folder / ".cache"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    log, patience = office.folder / "stopped/log.jsonl", time.monotonic() + 120
    while not (log.is_file() and log.read_text()) and time.monotonic() < patience:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert re.fullmatch(r"reverie: .*goes on.*\n", err)
    done = office.reverie("sample", "stopped", "-n", 2)  # what was saved is a whole run
    assert done.code == 0, done.err


def test_a_reader_that_has_gone_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "reverie", "models"], stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["--help"], ["models"], ["models", "--json"]])
def test_a_full_disk_under_the_output_is_one_line_with_its_own_code(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reverie", *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 4
    assert re.fullmatch(r"reverie: .*no space left.*\n", done.stderr)


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        ("ValueError('boom')", 1, "a bug in reverie (ValueError: boom)"),
        ("KeyboardInterrupt()", 130, "the same command goes on"),
        ("OSError(28, 'No space left on device', 'runs/x')", 4, "runs/x: no space left"),
        ("PermissionError(13, 'Permission denied', '/root')", 2, "/root: permission denied"),
        ("RuntimeError('CUDA out of memory. Tried')", 2, "smaller --batch"),
        ("Diverged('nan at step 3')", 3, "nan at step 3"),
        ("Problem('two\\nlines')", 2, "two lines"),
    ],
)
def test_whatever_goes_wrong_has_a_code_and_one_line(tmp_path, raised, code, says):
    program = f"""
import sys
from reverie.cli import main
from reverie.commands import data
from reverie.errors import *
def run(args, screen):
    raise {raised}
data.run = run
sys.exit(main(["data", "x", "--json"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert json.loads(done.stdout)["code"] == code
    kept = list(tmp_path.glob("reverie-*.txt"))
    assert len(kept) == (code == 1)
    if kept:
        assert str(kept[0]) in done.stderr
        assert "Traceback" in kept[0].read_text()


def test_the_version_is_the_packages(office):
    from reverie import __version__

    assert office.reverie("--version").out == f"reverie {__version__}\n"
