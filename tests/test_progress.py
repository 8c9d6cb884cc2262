"""Progress is shown where a person looks, and nowhere else unless it is asked for."""

import voisin.progress
from voisin.progress import show_progress


class Place:
    """What a notebook's `display` returns: a place of the output that can be drawn again."""

    def __init__(self):
        self.drawn = []

    def __call__(self, shown, *, display_id):
        assert display_id
        return self

    def update(self, shown):
        self.drawn.append(shown._repr_html_())


def work(asked=None):
    with show_progress(asked) as progress:
        for done in range(1, 21):
            progress("Embedding <images>", done, 20)


def test_a_callback_gets_every_step():
    steps = []
    work(lambda *step: steps.append(step))
    assert steps == [("Embedding <images>", done, 20) for done in range(1, 21)]


def test_without_a_terminal_it_is_silent(capsys):
    work()
    work(asked=False)
    assert capsys.readouterr() == ("", "")


def test_where_it_is_asked_for_a_line_is_written_for_each_tenth(capsys):
    work(asked=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "Embedding <images>: 20 of 20"
    assert len(lines) == 11


def test_a_notebook_shows_one_element_that_goes_in_the_end(monkeypatch):
    place = Place()
    monkeypatch.setattr(voisin.progress, "_notebook_display", lambda: place)
    monkeypatch.setattr(voisin.progress, "_EVERY", 0)

    work()

    assert "Embedding &lt;images&gt; <progress" in place.drawn[0]
    assert "19 of 20" in place.drawn[18]
    assert place.drawn[-1] == ""


def test_a_terminal_shows_a_bar_that_goes_in_the_end(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    work()

    assert "Embedding <images>" in capsys.readouterr().err
