"""Named sets: where they are found, how they are downloaded, what travels in the package."""

import gzip
import hashlib
import http.server
import io
import re
import tarfile
import threading
import zipfile
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from reverie.errors import NoRoom, Problem
from reverie.kinds import DataOptions, cifar, download, public
from reverie.kinds import text as kind
from reverie.kinds.download import Remote, fetch

CONTENT = b"a set of data\n" * 1000


class Server(http.server.BaseHTTPRequestHandler):
    """/whole, /other (another content), /cut (closes half way), /late (stops answering), the rest is not there."""

    asked: list[str] = []  # noqa: RUF012

    def do_GET(self):
        self.asked.append(self.path)
        name = self.path.split("/")[1]
        if name == "gone":
            self.send_error(404)
            return
        body = gzip.compress(CONTENT, 1) if self.path.endswith(".gz") else CONTENT
        if name == "other":
            body = body.replace(b"set", b"lot") if not self.path.endswith(".gz") else gzip.compress(b"another")
        if name == "broken":
            body = body[:50]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if name == "cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Server.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def own_folders(request, tmp_path, monkeypatch):
    if "real_data" in request.fixturenames:  # made for the whole session: before the variable goes
        request.getfixturevalue("real_data")
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("REVERIE_DATA", raising=False)


def remote(server: str, *names: str, file: str = "data.txt") -> Remote:
    urls = tuple(f"{server}/{name}/{file}" for name in names)
    return Remote(file, urls, hashlib.sha256(CONTENT).hexdigest(), gzip=file.endswith(".gz"))


@pytest.mark.parametrize("file", ["data.txt", "data.txt.gz"])
def test_a_download_is_checked_named_and_not_asked_for_twice(server, tmp_path, capsys, file):
    fetch("demo", [remote(server, "whole", file=file)], tmp_path / "in", "Put it there")
    got = (tmp_path / "in" / file).read_bytes()
    assert (gzip.decompress(got) if file.endswith(".gz") else got) == CONTENT
    assert f"demo: {file} " in capsys.readouterr().err
    fetch("demo", [remote(server, "whole", file=file)], tmp_path / "in", "Put it there")
    assert Server.asked == [f"/whole/{file}"]
    assert [f.name for f in (tmp_path / "in").iterdir()] == [file]


def test_the_next_mirror_is_tried(server, tmp_path):
    fetch("demo", [remote(server, "gone", "other", "cut", "whole")], tmp_path, "Put it there")
    assert (tmp_path / "data.txt").read_bytes() == CONTENT
    assert len(Server.asked) == 4


@pytest.mark.parametrize(
    ("name", "file", "says"),
    [
        ("gone", "data.txt", "the server says 404"),
        ("other", "data.txt", "another checksum than the published one"),
        ("other", "data.txt.gz", "another checksum than the published one"),
        ("broken", "data.txt.gz", "another checksum than the published one"),
        ("cut", "data.txt", "cut off after 7000 of 14000 bytes"),
    ],
)
def test_a_download_that_fails_leaves_nothing_and_says_the_cure(server, tmp_path, name, file, says):
    with pytest.raises(Problem) as caught:
        fetch("demo", [remote(server, name, file=file)], tmp_path / "in", "Put data.txt into /here")
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"demo: {file} could not be downloaded (")
    assert str(caught.value).endswith("). Put data.txt into /here.")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "in").iterdir())


def test_a_folder_that_cannot_be_made_is_one_line(server, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(NoRoom, match="can't be written"):
        fetch("demo", [remote(server, "whole")], tmp_path / "file", "")
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("name", list(public.REMOTES))
def test_without_a_network_one_line_says_where_to_put_which_files(monkeypatch, tmp_path, name):
    nowhere = tuple(replace(r, urls=("http://127.0.0.1:9/x",)) for r in public.REMOTES[name])
    monkeypatch.setitem(public.REMOTES, name, nowhere)
    with pytest.raises(Problem) as caught:
        public.resolve(name)
    said = str(caught.value)
    assert "no connection" in said
    assert str(tmp_path / "cache" / "sets" / name) in said
    assert "REVERIE_DATA" in said
    assert all(file in said for file in public.LAYOUT[name][1])
    assert "\n" not in said


@pytest.mark.parametrize("name", list(public.LAYOUT))
def test_a_set_is_taken_from_reverie_data_else_from_the_cache(monkeypatch, tmp_path, name):
    folder, files = public.LAYOUT[name]
    for place in (tmp_path / "cache" / "sets" / name, tmp_path / "data" / folder):
        place.mkdir(parents=True)
        for file in files:
            (place / file).write_bytes(b"x")
        if tmp_path / "data" in place.parents:
            monkeypatch.setenv("REVERIE_DATA", str(tmp_path / "data"))
        assert public.resolve(name) == (place / files[0] if len(files) == 1 else place)
    (place / files[-1]).unlink()  # not whole: the cache's is
    assert str(tmp_path / "cache") in str(public.resolve(name))


def test_another_name_is_no_set():
    assert public.resolve("photos") is None
    assert set(public.LAYOUT) < set(public.NAMES)
    rest = set(public.NAMES) - set(public.LAYOUT) - set(public.EXPORTED)
    assert all(name.startswith("demo-") for name in rest)


@pytest.mark.parametrize("name", sorted(set(public.LAYOUT) - set(public.REMOTES)))
def test_a_set_that_is_not_downloaded_says_where_to_put_its_files(name, tmp_path):
    with pytest.raises(Problem, match="not downloaded by itself") as caught:
        public.resolve(name)
    assert str(tmp_path / "cache" / "sets" / name) in str(caught.value)
    assert "or set REVERIE_DATA to a folder with" in str(caught.value)


def test_where_reverie_data_is_set_already_the_cure_is_a_folder_in_it(monkeypatch, tmp_path):
    monkeypatch.setenv("REVERIE_DATA", str(tmp_path / "data"))
    with pytest.raises(Problem) as caught:
        public.resolve("etth1")
    assert f"or into {tmp_path / 'data' / 'timeseries'}, where REVERIE_DATA" in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "tinyshakespeare"])
def test_checksums_are_those_of_the_canonical_files(real_data, name):
    for file in public.REMOTES[name]:
        assert download.checksum(real_data / public.LAYOUT[name][0] / file.name, file.gzip) == file.sha256


def test_every_download_is_by_https_and_fills_the_layout():
    for name, remotes in public.REMOTES.items():
        assert all(url.startswith("https://") for r in remotes for url in r.urls)
        if name != "cifar10":  # converted from one archive
            assert tuple(r.name for r in remotes) == public.LAYOUT[name][1]


def cifar_archive(file, records, leave_out=""):
    parts = {f"data_batch_{i}.bin": records[i : i + 1] for i in range(1, 6)} | {"test_batch.bin": records[:1]}
    content = {name: part.tobytes() for name, part in parts.items()}
    content["batches.meta.txt"] = b"airplane\nautomobile\nbird\n\n"
    with tarfile.open(file, "w:gz") as tar:
        for name, data in content.items():
            if name != leave_out:
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def test_cifar_becomes_zips_of_the_very_same_pixels(tmp_path):
    records = np.arange(6 * cifar.RECORD, dtype=np.int64).reshape(6, -1) * 7919 % 251
    records[:, 0] = [2, 1, 0, 1, 2, 0]
    records = records.astype(np.uint8)
    cifar_archive(tmp_path / "a.tar.gz", records)
    cifar.convert(tmp_path / "a.tar.gz", tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["test.zip", "train.zip"]
    with zipfile.ZipFile(tmp_path / "train.zip") as archive:
        numbers = {"airplane": (1, 4), "automobile": (0, 2), "bird": (3,)}
        names = [f"{label}/{i:05d}.png" for label, order in numbers.items() for i in order]
        assert archive.namelist() == names
        for name in names:
            pixels = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            planes = records[1 + int(name[-9:-4]), 1:].reshape(3, 32, 32)
            assert all((pixels[:, :, c] == planes[c]).all() for c in range(3))


@pytest.mark.parametrize("what", ["batches.meta.txt", "data_batch_3.bin", "label", "gzip"])
def test_another_archive_is_one_line(tmp_path, what):
    records = np.zeros((6, cifar.RECORD), np.uint8)
    records[:, 0] = 9 if what == "label" else 1
    cifar_archive(tmp_path / "a.tar.gz", records, leave_out=what)
    if what == "gzip":
        (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:60])
    with pytest.raises(Problem, match="not CIFAR-10's binary archive"):
        cifar.convert(tmp_path / "a.tar.gz", tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("name", list(public.PACKAGED))
def test_packaged_files_are_there_small_and_licensed(name):
    path = public.resolve(name)
    assert path.stat().st_size <= 4_900_000
    assert f"`{path.name}`" in (path.parent / "LICENSES.md").read_text(encoding="utf-8")


def test_every_packaged_file_has_its_licence():
    folder = public.packaged("LICENSES.md").parent
    said = set(re.findall(r"`([^` ]+\.\w+)`", (folder / "LICENSES.md").read_text(encoding="utf-8")))
    assert said == {f.name for f in folder.iterdir() if f.is_file()} - {"LICENSES.md"}


def test_a_packaged_file_that_is_missing_is_one_line():
    with pytest.raises(Problem, match="Install reverie again"):
        public.packaged("none.txt")


def test_packaged_fashion_is_the_published_test_set():
    sums = {r.name: r.sha256 for r in public.REMOTES["fashion-mnist"]}
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        assert download.checksum(public.packaged(name), unpack=True) == sums[name]


def test_packaged_text_is_tiny_shakespeare():
    assert download.checksum(public.resolve("demo-text"), True) == public.REMOTES["tinyshakespeare"][0].sha256
    data = kind.open(str(public.resolve("demo-text")), DataOptions()).prepare((64,))
    assert data.codec.spec.fields["text"].categories == 65


def test_packaged_molecules_are_well_formed_and_differ():
    lines = public.resolve("demo-molecules").read_text(encoding="ascii").splitlines()
    assert len(lines) == len(set(lines)) == 1123
    for line in lines:
        assert line.count("(") == line.count(")")
        assert line.count("[") == line.count("]")
        assert re.fullmatch(r"[A-Za-z0-9@+\-\[\]()=#%/\\.]+", line)


def tunes() -> list[dict[str, str]]:
    """Header fields of each tune, and its notes under `notes`."""
    found = []
    for block in public.resolve("demo-tunes").read_text(encoding="ascii").strip().split("\n\n"):
        lines = block.split("\n")
        fields = dict(line.split(":", 1) for line in lines if re.match(r"[A-Z]:", line))
        found.append({**fields, "notes": "".join(line for line in lines if not re.match(r"[A-Z]:", line))})
    return found


def length(bar: str) -> Fraction:
    """Of a bar's notes and rests, in the tune's unit."""
    notes = re.findall(r"([>]?)([_^=]*[A-Ga-gz][,']*)(\d*)(/?)(\d*)(>?)", bar)
    total = Fraction(0)
    for _, _, times, slash, over, _ in notes:
        total += Fraction(int(times or 1), int(over or 2) if slash else 1)
    return total  # a dotted pair (>) moves time from one note to the next: the sum stays


@pytest.mark.parametrize("tune", tunes(), ids=lambda t: t["T"])
def test_each_tune_has_its_header_and_bars_of_its_metre(tune):
    assert set(tune) >= {"X", "T", "C", "M", "L", "K", "notes"}
    assert re.fullmatch(r"[A-Ga-gz0-9,'/^_=>|\] ]+", tune["notes"])
    assert tune["notes"].endswith("|]")
    whole = Fraction(tune["M"]) / Fraction(tune["L"])
    bars = [length(bar) for bar in tune["notes"][:-2].split("|")]
    pickup = bars[0] if bars[0] != whole else Fraction(0)
    assert pickup < whole
    assert all(bar == whole for bar in bars[bool(pickup) : -1])
    assert bars[-1] == whole - pickup


def test_tunes_are_numbered_from_one():
    assert [int(t["X"]) for t in tunes()] == list(range(1, 17))
