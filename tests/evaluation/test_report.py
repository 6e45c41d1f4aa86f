import csv
import dataclasses
import html.parser
import re

import numpy as np
import pytest

from keras_dcat.evaluation import (
    Interval,
    Results,
    Run,
    ablation,
    figures,
    write_report,
)
from tests.browser import headless_browser

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

NASTY = "<script>alert('x')</script> & $x$"
PAIRS = [("camera", "imu"), ("imu", "camera")]


def results(shares, pairs=PAIRS, splits=("a", "b"), classes=("sit", "walk", NASTY)):
    """Methods that are right as often as they are told to, and a baseline of each."""
    rng = np.random.default_rng(0)
    runs = {}
    for split in splits:
        for seed in (0, 1):
            for pair in pairs:
                for label, (share, _) in shares.items():
                    labels = np.arange(60) % len(classes)
                    wrong = (labels + 1) % len(classes)
                    right = rng.uniform(size=60) < share
                    predicted = np.where(right, labels, wrong)
                    runs[split, seed, pair, label] = Run(
                        split=split,
                        seed=seed,
                        source=pair[0],
                        target=pair[1],
                        method={"name": label},
                        labels=labels,
                        subjects=np.repeat([f"{split}{n}" for n in range(4)], 15),
                        probabilities=np.eye(len(classes))[predicted] * 0.7 + 0.1,
                        losses=rng.uniform(size=5),
                        seconds=2.0,
                        environment={"keras": "3.15", "machine": f"of {seed}"},
                    )
    baselines = {label: baseline for label, (_, baseline) in shares.items()}
    return Results(runs, baselines, classes)


SHARES = {"alone": (0.6, "alone"), "D-CAT": (0.95, "alone"), "wrong": (0.2, "alone")}
SETTINGS = dict.fromkeys(("alone", "λ = 0", "λ = 0.1", "λ = 1"), (0.5, "alone"))


@pytest.fixture(scope="module")
def experiments():
    return {
        f"Unseen {NASTY}": results(SHARES),
        "Weights": results(SETTINGS, PAIRS[:1], ["official"], ("hop", "sit")),
    }


@pytest.fixture(scope="module")
def path(experiments, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "who & whom.html"
    about = f"First {NASTY}.\n\nSecond."
    write_report(path, experiments, title=NASTY, about=about)
    return path


@pytest.fixture(scope="module")
def page(path):
    return path.read_text("utf-8")


class Page(html.parser.HTMLParser):
    """The tags of a page with their attributes, and its tables as rows of texts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.tables, self.headings = [], [], []
        self._into = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self._into = self.tables[-1][-1]
            self._into.append("")
        elif tag in ("h1", "h2", "h3"):
            self._into = self.headings
            self._into.append("")

    def handle_endtag(self, tag):
        if tag in ("th", "td", "h1", "h2", "h3"):
            self._into = None

    def handle_data(self, data):
        if self._into is not None:
            self._into[-1] += data


def signed(number):
    return f"{number:+.3f}".replace("-", "−")


def test_the_numbers_in_the_page_are_those_of_the_results(page, experiments):
    first = experiments[f"Unseen {NASTY}"]
    tables = Page(page).tables
    assert len(tables) == 3
    for pair, table in zip(first.pairs, tables, strict=False):
        names = ["method", "alone", "D-CAT", "wrong", "a guess"]
        assert [row[0] for row in table] == names
        for name, score, gain, p, accuracy, calibration in table[1:-1]:
            f1 = first.score(pair, name)
            assert score == f"{f1.mean:.3f} [{f1.low:.3f}, {f1.high:.3f}]"
            runs = [run for seed in first.of(pair, name) for run in seed]
            assert accuracy == f"{np.mean([r.accuracy for r in runs]):.3f}"
            expected = np.mean([r.calibration_error for r in runs])
            assert calibration == f"{expected:.3f}"
            if name == "alone":
                assert gain == p == ""
                continue
            mean, low, high = map(signed, first.gain(pair, name))
            assert gain.startswith(f"{mean} ")
            assert gain.endswith(f"[{low}, {high}]")
            assert p == f"{first.fold_test(pair, name):.3f}".replace("0.000", "< 0.001")


def test_where_recordings_show_changes_the_page_has_segments_and_events(tmp_path):
    own = results(SHARES, PAIRS[:1])
    runs = {
        key: dataclasses.replace(run, stretches=np.zeros(60, int))
        for key, run in own.runs.items()
    }
    own = Results(runs, own.baselines, own.class_names)
    write_report(tmp_path / "report.html", {"Events": own})
    (table,) = Page((tmp_path / "report.html").read_text("utf-8")).tables
    assert table[0][4:6] == ["segment F1", "event F1"]
    assert len({len(row) for row in table}) == 1
    tested = [run for each in own.of(PAIRS[0], "alone") for run in each]
    assert table[1][5] == f"{np.mean([run.event_f1 for run in tested]):.3f}"
    assert "event_f1" in (tmp_path / "report.csv").read_text().splitlines()[0]


def test_gains_and_losses_are_called_so(page, experiments):
    table = Page(page).tables[0]
    words = {row[0]: re.sub(r"[^a-z]", "", row[2]) for row in table[1:-1]}
    assert words == {"alone": "", "D-CAT": "gain", "wrong": "loss"}
    assert re.search(r"2 gains,\s+2 losses", page)


def test_sources_that_teach_together_have_one_name(tmp_path):
    pairs = [PAIRS[0], (("camera", "watch"), "imu")]
    write_report(tmp_path / "page.html", {"Two": results(SHARES, pairs)})
    page = (tmp_path / "page.html").read_text("utf-8")
    assert Page(page).headings[2:4] == ["camera → imu", "camera + watch → imu"]
    teaches = page[page.index('aria-label="Two: who teaches whom"') :]
    assert "camera + watch<" in teaches[: teaches.index("</svg>")]


def test_there_is_no_test_over_folds_where_there_are_none(page):
    assert "p" in Page(page).tables[0][0]
    assert "p" not in Page(page).tables[-1][0]


def test_names_are_text_and_nothing_else(page):
    found = Page(page)
    assert "script" not in {tag for tag, _ in found.tags}
    assert found.headings[:2] == [NASTY, f"Unseen {NASTY}"]
    assert {NASTY} < {
        attributes.get("aria-label", NASTY) for _, attributes in found.tags
    }
    assert page.count("&lt;script&gt;") > 10


def test_a_sentence_says_what_was_compared(page):
    assert (
        "3 methods, 2 pairs, 2 splits (a, b), 2 seeds (0, 1), 5 epochs, "
        "tested on 120 windows of 8 subjects (or sessions)." in page
    )
    assert "of 0, of 1" in page


def test_nothing_is_fetched(page, path):
    for tag, attributes in Page(page).tags:
        for name in ("href", "xlink:href", "src", "srcset", "action", "data"):
            target = attributes.get(name, "#")
            own = target in ("who%20%26%20whom.csv", "data:,")
            assert own or target.startswith(("#", "data:image/png;")), (tag, target)
        assert tag != "link" or attributes["rel"] == "icon"
    without_namespaces = re.sub(r' xmlns(:xlink)?="[^"]*"', "", page)
    assert not re.search(r"https?:|@import|url\((?!#)", without_namespaces)


def test_every_id_is_there_once_and_every_reference_has_its_own(page):
    ids = [attributes["id"] for _, attributes in Page(page).tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 10
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', page)) <= set(ids)


def test_each_experiment_has_the_figures_that_it_can_have(page):
    labels = [a["aria-label"] for tag, a in Page(page).tags if tag == "svg"]
    ends = [re.sub(r".*: ", "", label) for label in labels]
    of_a_pair = ["classes", "training", "confusion of alone", "confusion of D-CAT"]
    expected = ["who teaches whom", "gains", *of_a_pair, *of_a_pair]
    assert ends == [*expected, "gains", "macro F1 by λ", "training"]


@pytest.mark.parametrize(
    ("name", "axis", "numbers"),
    [
        ("transfer_weight", "λ", [0, 0.001, 0.01, 0.1, 1]),
        ("misalignment", "in s", [-1, -0.5, -0.1, 0, 0.1, 0.5, 1]),
        ("data_fraction", "in % of windows", [10, 25, 50, 100]),
        ("dropout", "dropout", [0, 0.2, 0.4]),
        ("learning_rate", "rate", [0.001, 0.003, 0.01]),
        ("mask", None, None),
        ("losses", None, None),
        ("capacity", None, None),
    ],
)
def test_settings_that_are_numbers_become_a_curve(
    name, axis, numbers, tmp_path, monkeypatch
):
    methods, drawn = ablation(name), []
    baselines = {
        label: next(other for other, m in methods.items() if m == method.baseline())
        for label, method in methods.items()
    }
    f1 = {label: Interval(n / 20, 0.0, 1.0) for n, label in enumerate(methods)}
    monkeypatch.setattr(Results, "score", lambda self, pair, label: f1[label])
    monkeypatch.setattr(Results, "gain", lambda self, pair, label: f1[label])
    monkeypatch.setattr(figures, "setting_curve", lambda *a: drawn.append(a) or "")
    for other in ("gain_intervals", "training_curves"):
        monkeypatch.setattr(figures, other, lambda *arguments: "")
    made = results({label: (0.5, own) for label, own in baselines.items()}, PAIRS[:1])
    write_report(tmp_path / "a.html", {"A": made})
    if axis is None:
        assert not drawn
        return
    [(_, name, settings, taught, alone)] = drawn
    assert (name, settings) == (axis, numbers)
    labels = [x for x in methods if re.search(r"\d", x) and baselines[x] != x]
    assert taught == [f1[label] for label in labels]
    assert alone == [f1[baselines[label]] for label in labels]


def test_several_methods_with_the_same_numbers_become_curves_of_gains(
    tmp_path, monkeypatch
):
    labels = [f"{arm}, people = {n}" for n in (0, 2, 1) for arm in ("D-CAT", "paper")]
    scores = {"alone": (0.5, "alone"), **dict.fromkeys(labels, (0.6, "alone"))}
    made, drawn = results(scores, PAIRS[:1]), []
    gains = {
        label: Interval(n / 20, 0.0, 1.0) for n, label in enumerate(made.baselines)
    }
    monkeypatch.setattr(Results, "gain", lambda self, pair, label: gains[label])
    monkeypatch.setattr(figures, "gain_curves", lambda *a: drawn.append(a) or "")
    write_report(tmp_path / "a.html", {"A": made})
    [(_, name, settings, curves)] = drawn
    assert (name, settings) == ("people", [0, 2, 1])
    assert curves == {
        arm: [gains[f"{arm}, people = {n:g}"] for n in settings]
        for arm in ("D-CAT", "paper")
    }


def test_the_same_results_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        made = results({"alone": (0.6, "alone"), "D-CAT": (0.7, "alone")}, PAIRS[:1])
        (tmp_path / name).mkdir()
        write_report(tmp_path / name / "x.html", {"A": made})
    for suffix in ("html", "csv"):
        first, second = (tmp_path / name / f"x.{suffix}" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_the_csv_has_a_line_for_each_run_of_each_experiment(path, experiments):
    with path.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == sum(len(each.runs) for each in experiments.values())
    for line in lines:
        key = line["split"], int(line["seed"]), (line["source"], line["target"])
        run = experiments[line["experiment"]].runs[*key, line["method"]]
        assert float(line["macro_f1"]) == pytest.approx(run.macro_f1, rel=1e-5)
        assert float(line["accuracy"]) == pytest.approx(run.accuracy, rel=1e-5)
        assert line["baseline"] == "alone"
    # A class that an experiment does not have.
    assert lines[0]["F1 hop"] == lines[-1]["F1 walk"] == ""
    assert lines[0]["F1 sit"] != "" != lines[-1]["F1 sit"]


def test_a_class_that_is_nowhere_is_left_out_of_the_changes(tmp_path):
    two = results(SHARES, PAIRS[:1], ["a"], ("sit", "walk"))
    three = dataclasses.replace(two, class_names=("sit", "walk", "fly"))
    found = three.f1_by_class(PAIRS[0], "alone")
    np.testing.assert_array_equal(found[:2], two.f1_by_class(PAIRS[0], "alone"))
    assert np.isnan(found[2])
    write_report(tmp_path / "a.html", {"A": three})
    page = (tmp_path / "a.html").read_text("utf-8")
    changes, *others = re.findall(r"<svg.*?</svg>", page, re.DOTALL)[1:]
    assert ">walk<" in changes
    assert ">fly<" not in changes
    assert sum(">fly<" in other for other in others) == 2  # the confusions


def test_a_write_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "a.csv").mkdir()  # so that no file can take its place
    with pytest.raises(OSError):  # noqa: PT011, another message on each system
        write_report(tmp_path / "a.html", {"A": results({"alone": (0.5, "alone")})})
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [("a.htm", 1, "'a.htm' and 1 experiments.*Give it"), ("a.html", 0, "and 0 exp")],
)
def test_what_is_no_report_is_refused_with_the_remedy(name, count, message, tmp_path):
    given = {"A": results(SHARES)} if count else {}
    with pytest.raises(ValueError, match=message):
        write_report(tmp_path / name, given)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium with its own profile."""
    with headless_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def shown(browser, selector):
    """Width and height of every element that a selector finds."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => "
        "{const b = e.getBoundingClientRect(); return [b.width, b.height]})",
        selector,
    )


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_a_desktop(browser, path, page, width, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(path.as_uri())
    ask = browser.execute_script
    assert ask("return innerWidth") == width
    ask("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert ask("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.get_log("browser") == []
    for selector, count in (("svg", 13), ("table", 3), ("h1", 1), ("h2", 3), ("h3", 3)):
        sizes = np.array(shown(browser, selector))
        assert len(sizes) == count
        assert (sizes > 10).all()
    assert (np.array(shown(browser, "svg")) > 50).all()
    # Wide tables scroll within a box, and no text is as dark as what is behind it.
    assert max(w for w, _ in shown(browser, ".scroll")) <= width
    background, ink = (
        np.mean(
            [int(x) for x in re.findall(r"\d+", ask(f"return getComputedStyle({e})"))]
        )
        for e in (
            "document.body).backgroundColor.replace('a', ''",
            "document.querySelector('svg text')).fill.replace('a', ''",
        )
    )
    assert (ink > background) == (scheme == "dark")
    assert abs(ink - background) > 100


@pytest.mark.parametrize(
    ("share", "says"),
    [(0.95, "is better than alone: +"), (0.3, "is worse than alone: −")],
)
def test_a_section_begins_with_its_answer(tmp_path, share, says):
    shares = {"alone": (0.7, "alone"), "D-CAT": (share, "alone")}
    write_report(tmp_path / "page.html", {"Here": results(shares, PAIRS[:1])})
    page = (tmp_path / "page.html").read_text("utf-8")
    section = page[page.index("<h2>Here") :]
    answer = re.search(r"<strong>(.*?)</strong>", section)[1]
    assert f"D-CAT {says}" in answer
    assert re.search(r"on \d+ subjects\.$", answer)
    assert section.index(answer) < section.index("<table")
