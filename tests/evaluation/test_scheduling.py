import json
import os
import socket
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from keras_dcat.evaluation import DCAT, Alone, compare
from keras_dcat.evaluation.scheduling import share_out
from tests.evaluation.studies import PAIR, study

METHODS = {"alone": Alone(), "D-CAT": DCAT()}

COMPARISON = """
    import json
    import os
    import sys

    from keras_dcat.evaluation import DCAT, Alone, compare
    from keras_dcat.evaluation.training import Training
    from tests.evaluation.studies import PAIR, study

    folder, fits_left = sys.argv[1], int(sys.argv[2])
    fit, done = Training.fit, []

    def counted(self, model, dataset, callbacks=()):
        if len(done) == fits_left:
            os._exit(9)
        done.append(model)
        return fit(self, model, dataset)

    Training.fit = counted
    methods = {"alone": Alone(), "D-CAT": DCAT()}
    options = {"path": folder, "verbose": 0, "scheduler": "keras_tuner"}
    there = compare(study(epochs=1), [PAIR], methods, [0, 1], **options)
    back = compare(study(epochs=1), [PAIR[::-1]], methods, [0], **options)
    accuracies = [run.accuracy for one in (there, back) for run in one.runs.values()]
    print(json.dumps({"fits": len(done), "accuracies": accuracies}))
"""


def start(root, folder, port, name, fits_left=-1):
    """A process of a comparison that several share; it dies instead of a fit more."""
    variables = {"TUNER_ID": name, "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(COMPARISON), folder, str(fits_left)],
        cwd=root,
        env={**os.environ, **{f"KERASTUNER_{k}": v for k, v in variables.items()}},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_chief_and_two_workers_do_every_run_once_though_one_is_killed(
    pytestconfig, tmp_path
):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    root, processes = pytestconfig.rootpath, {}
    try:
        for name, fits_left in (("chief", 0), ("one", -1), ("two", 1)):
            processes[name] = start(root, tmp_path, port, name, fits_left)
        assert processes["two"].wait(200) == 9
        processes["two"].stdout.close()
        processes["two"] = start(root, tmp_path, port, "two")
        printed = [
            json.loads(process.communicate(timeout=200)[0].splitlines()[-1])
            for process in processes.values()
        ]
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    options = {"path": tmp_path, "verbose": 0}
    there = compare(study(epochs=1), [PAIR], METHODS, [0, 1], **options)
    back = compare(study(epochs=1), [PAIR[::-1]], METHODS, [0], **options)
    expected = [run.accuracy for one in (there, back) for run in one.runs.values()]
    assert [own["accuracies"] for own in printed] == [expected] * 3
    # Source, target and transfer of a seed; what was killed had trained one,
    # and kept it. The way back finds both models there.
    assert [own["fits"] for own in printed][0] == 0
    assert sum(own["fits"] for own in printed) + 1 == 2 * 3 + 1


def test_without_a_chief_all_is_done_here_and_equals_what_no_scheduler_does(tmp_path):
    options = {"seeds": [0, 1], "verbose": 0}
    shared = compare(
        study(epochs=1),
        [PAIR],
        METHODS,
        path=tmp_path,
        scheduler="keras_tuner",
        **options,
    )
    plain = compare(study(epochs=1), [PAIR], METHODS, **options)
    for key, run in plain.runs.items():
        found = shared.runs[key].probabilities
        np.testing.assert_allclose(found, run.probabilities, atol=1e-5)


def test_what_is_done_is_not_handed_out_again():
    share_out({"one": pytest.fail}, lambda: True, verbose=0)


def test_a_unit_that_fails_says_so_itself():

    def fail():
        raise KeyError("no such sensor")

    with pytest.raises(KeyError, match="no such sensor"):
        share_out({"one": fail}, lambda: False, verbose=0)


def test_a_scheduler_that_cannot_work_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'keras_tuner'.*Received: scheduler='ray'"):
        compare(study(), [PAIR], METHODS, path=tmp_path, scheduler="ray")
    with pytest.raises(ValueError, match="without `path`"):
        compare(study(), [PAIR], METHODS, scheduler="keras_tuner")


def test_without_keras_tuner_its_installation_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    with pytest.raises(ImportError, match=r"keras_dcat\[tuner\]"):
        share_out({"one": print}, lambda: False)
