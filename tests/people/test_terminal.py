"""Progress as it is seen: live in a terminal, plain lines in a file."""

import io

import pytest
from rich.console import Console

from reverie.terminal import Terminal, amount, duration


def screen(terminal: bool, width: int = 100) -> Terminal:
    made = Terminal()
    wide = width if terminal else made.console.width
    made.console = Console(file=io.StringIO(), force_terminal=terminal, width=wide, markup=False, highlight=False)
    return made


def told(made: Terminal) -> str:
    return made.console.file.getvalue()


def test_in_a_file_progress_is_a_line_every_ten_seconds_and_the_last(monkeypatch):
    now = iter([100.0, 104.0, 109.9, 110.0, 111.0])
    monkeypatch.setattr("reverie.terminal.time.monotonic", lambda: next(now))
    made = screen(terminal=False)
    made.start(500, 0)
    for step in (100, 200, 300, 400, 500):
        made.step(step, {"loss": 1.5}, 1234.5, 60.4)
    made.close()
    steps = [line.split("  ") for line in told(made).splitlines()]
    assert [line[0] for line in steps] == ["step 100 of 500", "step 400 of 500", "step 500 of 500"]
    assert steps[0][1:] == ["loss 1.5", "1,234 items/s", "1 min 00 s left"]


def test_in_a_terminal_progress_is_one_live_line_that_ends():
    made = screen(terminal=True)
    made.notes.append("a note")
    made.start(500, 20)
    made.step(100, {"loss": 1.5}, 10.0, 5.0)
    made.measure(100, "frechet", 12.345)
    made.close()
    made.close()  # twice is fine
    out = told(made)
    assert "a note" in out
    assert "goes on at step 20 of 500" in out
    assert "step 100: frechet 12.35" in out or "step 100: frechet 12.34" in out
    assert "\x1b[?25h" in out  # the cursor is shown again
    assert made.live is None


def test_brackets_in_names_are_no_markup_and_long_lines_stay_whole():
    made = screen(terminal=False)
    line = "photos/[bold]x[/bold]/" + "y" * 300 + ".png :smile:"
    made.say(line)
    made.table(("file", "what"), [(line, "[red]")])
    first, _, row = told(made).splitlines()
    assert first == line
    assert row.split() == [*line.split(), "[red]"]


def test_nothing_that_steers_a_terminal_is_passed_on_and_what_it_was_can_be_read():
    said = "a\tb\x1b[31mred\x07\x9bx \u202egnp.exe\r over"
    for terminal in (False, True):
        made = screen(terminal, width=1000)
        made.say(said)
        made.write(said)
        made.table(("\x1b[45m",), [("\x1b[46m",)])
        made.steps = 1
        made.step(1, {said: 1.0}, 1.0, 1.0)
        out = told(made)
        assert not set(out) & {"\x07", "\x9b", "\u202e", "\r"}
        assert not any(code in out for code in ("\x1b[31m", "\x1b[45m", "\x1b[46m"))
        assert out.count("\\u001b[31mred\\u0007\\u009bx \\u202egnp.exe\\u000d over") == 3
        assert "\\u001b[45m" in out
        assert "\\u001b[46m" in out


def test_json_keeps_results_off_both_streams_and_progress_on_standard_error(capsys):
    made = Terminal(json=True)
    made.tell("result")
    made.table(("a",), [("b",)])
    made.files(["c"])
    made.say("progress")
    assert tuple(capsys.readouterr()) == ("", "progress\n")


def test_of_several_processes_the_first_alone_speaks(monkeypatch, capsys):
    for rank, said in (("0", "hello\n"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        Terminal().say("hello")
        assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (4830, "1 h 20 min")],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(("number", "said"), [(0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1,234"), (99.96, "100")])
def test_amounts(number, said):
    assert amount(number) == said
