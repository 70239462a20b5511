"""Long work says how far it is, short work nothing."""

from reverie import shown


def test_each_item_comes_in_order_and_nothing_is_said_of_what_is_soon_done(capsys):
    assert list(shown.each("abc", "letters")) == ["a", "b", "c"]
    assert list(shown.each([], "nothing")) == []
    assert capsys.readouterr() == ("", "")


def test_long_work_says_how_much_of_it_is_done_on_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(shown, "QUIET", 0.0)
    monkeypatch.setattr(shown, "EVERY", 0.0)
    for _ in shown.each(range(1_500), "counting"):
        pass
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0].startswith("counting: 1 of 1,500, ")
    assert lines[-1].startswith("counting: 1,499 of 1,500, ")  # all of them: the work's own result says so


def test_what_is_shown_ends_with_the_loop_that_was_left(capsys, monkeypatch):
    monkeypatch.setattr(shown, "QUIET", 0.0)
    monkeypatch.setattr(shown.sys.stderr, "isatty", lambda: True, raising=False)
    bars = []
    made = shown.made
    monkeypatch.setattr(shown, "made", lambda *what: bars.append(made(*what)) or bars[-1])
    for k in shown.each(range(9), "counting"):
        if k == 3:
            break
    assert len(bars) == 1
    assert not bars[0].live.is_started
