import configparser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

pytest.importorskip("click")
pytest.importorskip("pydantic")

from click.testing import CliRunner

from keras_dcat.transfer.gating.gates import GATES
from keras_dcat_command import main
from tests.cli.experiments import NAMES, write_experiment, write_sessions

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]


def run(*arguments, fails=False):
    """What a command prints."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    unexpected = result.exception and not isinstance(result.exception, SystemExit)
    assert not unexpected, result.exc_info
    assert (result.exit_code != 0) == fails, result.output
    return result.output


def in_a_new_process(*lines):
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("asked", [["--help"], ["train", "--help"]])
def test_help_is_there_without_keras_or_a_backend(asked):
    done = in_a_new_process(
        "import sys, keras_dcat_command",
        f"keras_dcat_command.main({asked}, standalone_mode=False)",
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))",
    )
    assert done.stdout.startswith("Usage:"), done.stderr
    assert done.stdout.endswith("[]\n")


def test_a_command_starts_without_what_tensorflow_logs_and_an_import_changes_nothing():
    done = in_a_new_process(
        "import os, keras_dcat_command",
        "print(os.environ.get('TF_CPP_MIN_LOG_LEVEL'))",
        "try: keras_dcat_command.main(['train', 'none.yaml'])",
        "except SystemExit: print(os.environ['TF_CPP_MIN_LOG_LEVEL'])",
    )
    assert done.stdout == "None\n3\n"
    (told,) = done.stderr.splitlines()
    assert told.startswith("Error: none.yaml")


def test_what_click_is_needed_for_is_told_where_it_is_missing():
    done = in_a_new_process(
        "import sys", "sys.modules['click'] = None", "import keras_dcat_command"
    )
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()  # no traceback
    assert told.startswith("Error: the command line needs `click`.")
    assert told.endswith("Install it with: pip install 'keras_dcat[cli]'")


@pytest.mark.parametrize(
    ("missing", "command"), [("pydantic", "keys"), ("yaml", "keys"), ("click", "new")]
)
def test_what_a_command_needs_is_told_where_it_is_missing(tmp_path, missing, command):
    done = in_a_new_process(
        "import sys, keras_dcat_command",
        f"sys.modules[{missing!r}] = None",
        f"keras_dcat_command.main({[command, *[str(tmp_path)] * (command == 'new')]})",
    )
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()
    assert told.startswith(f"Error: `{missing}` is needed here.")
    assert told.endswith("Install it with: pip install 'keras_dcat[cli]'")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """An experiment whose source and target are trained."""
    folder = tmp_path_factory.mktemp("experiment")
    write_sessions(folder)
    path = write_experiment(folder)
    printed = run("train", path)
    assert "macro F1" in printed
    return path


def test_training_leaves_two_models_and_is_not_done_twice(plan):
    folder = plan.parent / "out"
    kept = {p: p.stat().st_mtime_ns for p in (folder / "unimodal").iterdir()}
    run("train", plan)
    assert {p: p.stat().st_mtime_ns for p in (folder / "unimodal").iterdir()} == kept
    assert {p.name for p in folder.glob("*.keras")} == {"source.keras", "target.keras"}


def test_recordings_are_counted_and_drawn(plan):
    printed = run("inspect", plan)
    assert "36 recordings of 6 subjects" in printed
    assert "camera: 2.4 min at about 16 Hz, 2 values a sample" in printed
    assert "36 streams came in order and without gaps" in printed
    rows = [line.split() for line in printed.splitlines()]
    for name in NAMES:  # of 3, 1 and 2 people, twice 4 windows each
        assert [name, "24", "8", "16"] in rows
    assert ["no", "label", "0", "0", "0"] in rows
    assert "Warning" not in printed
    assert (plan.parent / "out" / "timeline.png").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_a_search_finds_a_weight_and_draws_it(plan):
    pytest.importorskip("keras_tuner")
    printed = run("search", plan, "--trials", 2, "--epochs", 1)
    assert "transfer_weight = " in printed
    assert (plan.parent / "out" / "search_transfer_weight.png").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_a_search_looks_for_what_the_file_names_and_keeps_the_rest(plan):
    pytest.importorskip("keras_tuner")
    named = {
        "search": ["gate", "agreement"],
        "transfer": {"recipe": "no_labels", "transfer_weight": 0.2},
    }
    folder = plan.parent
    other = write_experiment(folder, **named).rename(folder / "other.yaml")
    write_experiment(folder)
    printed = run("search", other, "--trials", 2, "--epochs", 1)
    found = re.search(r"gate = (\w+), agreement = ([\d.]+): macro F1", printed)
    assert found[1] in {"usual", *GATES}
    assert float(found[2]) in (0.0, 2.5, 5.0, 10.0)
    assert (folder / "out" / "search_agreement.png").exists()
    kept = [path.read_text() for path in (folder / "out" / "search").glob("*.json")]
    assert any("no_labels" in text for text in kept)


@pytest.mark.slow
def test_a_comparison_prints_its_table_and_writes_its_report(plan):
    printed = run("compare", plan)
    assert "camera → watch" in printed
    assert "| D-CAT |" in printed
    assert "D-CAT" in (plan.parent / "out" / "report.html").read_text()


def test_a_target_is_taught_as_the_file_says(tmp_path):
    write_sessions(tmp_path)
    path = write_experiment(tmp_path, transfer={"recipe": "paper"})
    run("train", path)
    transfer = {"recipe": "paper", "loss_weights": {"cross_attention": 0}}
    path = write_experiment(tmp_path, transfer=transfer)
    printed = run("train", path, fails=True)
    assert "a loss that weighs more than 0" in printed


def test_an_export_is_checked_and_says_of_a_stream_what_it_sees(plan):
    printed = run("export", plan, "--format", "litert")
    assert "litert" in printed
    assert (
        "Six people" in (plan.parent / "out" / "device" / "model_card.md").read_text()
    )
    again = run("export", plan, "--format", "litert", fails=True)
    assert again.startswith("Error: ")
    printed = run("stream", plan)
    assert printed.count("truth: ") == 2 * 3 * 2 * 4  # people, classes, trials, seconds
    right = printed.rsplit("Right about ", 1)[1]
    assert right.endswith("of 48 windows.\n")
    one = run("stream", plan, "--session", "4-run-1", "--page", "--port", 0)
    assert one.count("truth: run") == 4
    with pytest.raises(urllib.error.URLError):  # it ended with the recording
        urllib.request.urlopen(one.splitlines()[0], timeout=5)
    page = ("--page", "--host", "0.0.0.0", "--port", 0)
    seen = run("stream", plan, "--session", "4-run-1", *page)
    assert seen.startswith("Warning: The page is open to the network")
    assert "/?token=" in seen
    assert "no recording of x" in run("stream", plan, "--session", "x", fails=True)


def test_an_export_for_a_microcontroller_says_what_it_needs(plan, tmp_path):
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_quantizer")
    folder = shutil.copytree(plan.parent, tmp_path / "own")
    shutil.rmtree(folder / "out" / "device", ignore_errors=True)
    printed = run("export", write_experiment(folder), "--format", "micro")
    assert re.search(r"micro: \w+.*, [\d.]+ kB of arena, [\d.]+ kB of flash", printed)
    sketch = folder / "out" / "device" / "micro" / "sketch.cc"
    assert "MicroMutableOpResolver" in sketch.read_text()


@pytest.mark.parametrize("command", ["search", "export", "stream"])
def test_what_comes_too_early_says_what_is_first(tmp_path, command):
    write_sessions(tmp_path)
    printed = run(command, write_experiment(tmp_path), fails=True)
    assert "is not there. First: keras-dcat" in printed


def test_a_search_without_people_to_judge_by_is_refused(tmp_path):
    write_sessions(tmp_path)
    path = write_experiment(tmp_path, split={"test": ["p4"]})
    assert "validation" in run("search", path, fails=True)


def test_a_bad_file_is_an_error_and_no_traceback(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("data: {dataset: watch}\nsorce: imu\n")
    for command in ("inspect", "train", "search", "compare", "export", "stream"):
        printed = run(command, path, fails=True)
        assert printed.startswith(f"Error: {path}, line 1: `source` is missing.")
        assert f"{path}, line 2: `sorce` is not known" in printed


@pytest.fixture
def lossy(tmp_path):
    """An experiment of files of which one person's lack three times of four."""
    write_sessions(tmp_path, people=3, trials=1)
    for path in tmp_path.glob("1-*_watch.csv"):
        header, *lines = path.read_text().splitlines()
        lines = [
            f"nan,{line.split(',', 1)[1]}" if number % 4 else line
            for number, line in enumerate(lines)
        ]
        path.write_text("\n".join([header, *lines]))
    return write_experiment(tmp_path, split={"test": ["p2"]})


def test_lost_samples_are_shown_by_inspect_and_stop_a_training(lossy):
    told = "1-sit-0 watch 128 32 75.0% 8 Hz 0 96 not finite"
    printed = run("inspect", lossy)
    assert told in [" ".join(line.split()) for line in printed.splitlines()]
    assert printed.count("75% lost: 96 not finite") == 1
    for command in ("train", "search", "compare", "export"):
        printed = run(command, lossy, fails=True)
        assert printed.startswith("Error: A stream may lose 5% of its samples")
        assert "'1-sit-0', stream 'watch'" in printed


def test_what_looks_like_a_mistake_is_told_once_beside_the_result(tmp_path):
    path = write_sessions(tmp_path, people=3, trials=1)
    lines = path.read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    rows = [",".join([r[0], r[1], f"{r[0]}.csv", *r[3:]]) for r in rows]
    path.write_text("\n".join([lines[0], *rows]))
    plan = write_experiment(tmp_path, split={"test": ["p2"]})
    result = CliRunner().invoke(main, ["inspect", str(plan)])
    assert result.stderr.count("9 of 9 classes have one recording each") == 1
    assert "one recording each" not in result.stdout


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_a_transfer_with_the_labels_of_one_person_goes_all_the_way(tmp_path):
    write_sessions(tmp_path)
    split = {"test": ["p4", "p5"], "validation": ["p3"], "labelled": ["p1"]}
    plan = write_experiment(tmp_path, split=split)
    rows = [line.split() for line in run("inspect", plan).splitlines()]
    assert ["sit", "8", "8", "16"] in rows
    assert ["no", "label", "48", "0", "0"] in rows
    assert "macro F1" in run("train", plan)
    assert "transfer_weight = " in run("search", plan, "--trials", 1, "--epochs", 1)
    assert "| D-CAT |" in run("compare", plan)
    assert "litert" in run("export", plan, "--format", "litert")


# What `pip install 'keras_dcat[cli]'` does not bring, and the other extras do.
OTHERS = (
    *("aiohttp", "av", "edfio", "ezc3d", "keras_tuner", "onnx", "onnxruntime"),
    *("pyarrow", "pyxdf", "rosbags", "seglearn", "sklearn", "soundfile", "tf2onnx"),
)


def test_to_look_at_recordings_the_command_line_needs_no_other_extra(tmp_path):
    write_sessions(tmp_path, people=3, trials=1)
    plan = write_experiment(tmp_path, split={"test": ["p2"]})
    done = in_a_new_process(
        "import sys, keras_dcat_command",
        f"sys.modules.update(dict.fromkeys({OTHERS}))",
        f"keras_dcat_command.main(['inspect', {str(plan)!r}])",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "timeline.png").exists()


def test_figures_are_an_extra_that_the_command_line_has():
    config = configparser.ConfigParser()
    config.read(pathlib.Path(__file__).parents[1] / "setup.cfg")
    extras = config["options.extras_require"]
    assert "keras_dcat[plots]" in extras["cli"].split()
    assert {"matplotlib", "jinja2"} == {
        line.split(">")[0] for line in extras["plots"].split()
    }


def test_every_key_is_explained_and_a_schema_is_there_for_editors():
    assert "windows.stride: number above 0; must be there" in run("keys")
    assert run("keys", "windows.stride").startswith("windows.stride: ")
    assert "edf" in run("keys", "edf")
    assert "Received: 'windws'" in run("keys", "windws", fails=True)
    schema = json.loads(run("keys", "--json"))
    assert {"data", "source", "target"} <= set(schema["required"])


def test_help_teaches():
    printed = run("--help")
    for command in (
        "new",
        "keys",
        "inspect",
        "train",
        "search",
        "compare",
        "export",
        "stream",
    ):
        assert f"keras-dcat {command}" in printed
        assert len(run(command, "--help").splitlines()) > 6
