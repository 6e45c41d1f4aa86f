import dataclasses
import json

import pytest

from keras_dcat.evaluation import DCAT, Alone, Mispaired, compare
from keras_dcat.evaluation.job import Job
from keras_dcat.windows.augmentation import TimeWarp
from tests.evaluation.studies import PAIR, SEVERAL, study

SOFT = Job("official", 0, ("camera",), "imu", DCAT(gate="soft"))


def test_a_source_is_named_where_one_takes_part():
    assert Job.of_pair("official", 0, PAIR, DCAT(gate="soft")) == SOFT
    assert Job.of_pair("official", 0, SEVERAL, DCAT()).sources == ("camera", "watch")
    assert Job.of_pair("official", 0, PAIR, Alone()).sources == ()


@pytest.mark.parametrize(
    ("pair", "method", "source"),
    [
        (PAIR, Alone(), None),
        (PAIR, DCAT(), "camera"),
        (SEVERAL, DCAT(), ("camera", "watch")),
    ],
)
def test_it_is_described_as_a_run_has_it(pair, method, source):
    job = Job.of_pair("official", 3, pair, method)
    kind = {"name": type(method).__name__, "edition": method.edition}
    assert job.description() == {
        "split": "official",
        "seed": 3,
        "source": source,
        "target": "imu",
        "method": kind,
    }


def test_what_is_not_the_default_is_described_and_makes_another_key():
    assert SOFT.description()["method"]["gate"] == "soft"
    jobs = [
        SOFT,
        *(
            dataclasses.replace(SOFT, method=method)
            for method in (DCAT(), DCAT("paper"), Mispaired(), Mispaired(share=0.5))
        ),
        dataclasses.replace(SOFT, method=DCAT(loss_weights={"fused": 0.0})),
        dataclasses.replace(SOFT, seed=1),
        dataclasses.replace(SOFT, target="watch"),
    ]
    assert len({job.key for job in jobs}) == len(jobs)


def test_a_method_may_change_how_windows_vary():
    method = Alone(training={"together": TimeWarp(0.2)})
    about = dataclasses.replace(SOFT, sources=(), method=method).description()
    assert json.loads(json.dumps(about)) == about
    assert "TimeWarp" in str(about["method"])


@pytest.mark.parametrize("method", [Alone(), DCAT(), DCAT(gate="soft")])
def test_a_run_has_the_name_that_it_always_had(tmp_path, method):
    one = study(epochs=1)
    compare(one, [PAIR], {"alone": Alone(), "other": method}, [0], tmp_path, verbose=0)
    alone = type(method) is Alone
    about = {
        "split": "official",
        "seed": 0,
        "source": None if alone else "camera",
        "target": "imu",
        "method": {"name": type(method).__name__, "edition": 1 if alone else 4},
    }
    if method == DCAT(gate="soft"):
        about["method"]["gate"] = "soft"
    streams = ["imu"] if alone else ["camera", "imu"]
    digest = one.fingerprint("official", streams, about)
    name = f"official.{'.'.join(streams)}.{about['method']['name']}.0.{digest}.npz"
    assert name in {path.name for path in (tmp_path / "runs").iterdir()}
    assert Job.of_pair("official", 0, PAIR, method).file(one, tmp_path).name == name
