import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_dcat
from keras_dcat.constant_data import Constants, constants_of, with_constants
from keras_dcat.transfer import MaskedCrossAttentionLoss, NegativeTransferGuard
from keras_dcat.transfer.losses.statistics import SourceStatistics
from tests.models import branch, pair_of_branches, windows

EXACT = {"rtol": 1e-5, "atol": 1e-5}


def trained(model, data, labels=None, **options):
    """What two epochs in a fixed order make of the target."""
    callbacks = [NegativeTransferGuard(only_warn=True)]
    options = {"epochs": 2, "shuffle": False, "verbose": 0, **options}
    with np.errstate(all="ignore"):
        model.fit(data, labels, callbacks=callbacks, **options)
    return [ops.convert_to_numpy(v) for v in model.target.trainable_variables]


def twins(**options):
    """Two models with the same weights."""
    source, target = pair_of_branches()
    models = []
    for _ in range(2):
        copy = keras.models.clone_model(target)
        copy.set_weights(target.get_weights())
        options_here = {"gate": "all", "transfer_weight": 1.0, **options}
        models.append(keras_dcat.DCATModel(source, copy, **options_here))
        models[-1].compile("sgd")
    return models


pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


@pytest.mark.parametrize(
    "normalization", ["source", pytest.param("none", marks=pytest.mark.traced)]
)
def test_training_is_the_same_as_with_the_source_alive(rng, normalization):
    (skeletons, imu), labels = windows(rng)
    live, cached = twins(loss=MaskedCrossAttentionLoss(normalization))
    pair = {"source": skeletons, "target": imu}
    known = cached.cache_source(pair, verbose=0)
    assert isinstance(known["source"], SourceStatistics)
    assert known["target"] is imu
    expected = trained(live, pair, labels, batch_size=16)
    for one, other in zip(
        trained(cached, known, labels, batch_size=16), expected, strict=True
    ):
        np.testing.assert_allclose(one, other, **EXACT)


def test_arrays_are_run_in_batches_of_any_size(rng):
    (skeletons, _), _ = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    whole, in_parts = (
        model.cache_source(skeletons, batch_size=size, verbose=0).log_probabilities
        for size in (256, 7)
    )
    assert whole.shape[0] == len(skeletons)
    np.testing.assert_allclose(in_parts, whole, **EXACT)


def test_a_tuple_of_arrays_stays_a_tuple(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    known = model.cache_source(pair, tmp_path / "cache", verbose=0)
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]
    live = model.evaluate(pair, labels, verbose=0, return_dict=True)
    cached = model.evaluate(known, labels, verbose=0, return_dict=True)
    assert cached == pytest.approx(live, rel=1e-5)


def test_several_sources_have_a_cache_each(rng, tmp_path):
    (skeletons, imu), labels = windows(rng)
    videos = rng.normal(size=(32, 7, 4)).astype("float32")
    sources = [branch(5, steps=12), branch(4, steps=7)]
    model = keras_dcat.DCATModel(sources, branch(3))
    pair = {
        "source": (skeletons, videos),
        "target": imu,
        "transfer_mask": np.ones((32, 2)),
    }
    known = model.cache_source(pair, tmp_path / "cache", verbose=0)
    assert {p.name for p in tmp_path.iterdir()} == {"cache.0", "cache.1"}
    live = model.evaluate(pair, labels, verbose=0, return_dict=True)
    for source in (known["source"], (skeletons, known["source"][1])):
        mixed = {**known, "source": source}
        cached = model.evaluate(mixed, labels, verbose=0, return_dict=True)
        assert cached == pytest.approx(live, rel=1e-5)


def test_windows_of_two_sources_are_not_taken_for_a_pair(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (skeletons, imu), _ = windows(rng)
    model = keras_dcat.DCATModel([branch(5, steps=12), branch(3)], branch(3))
    known = model.cache_source((skeletons, imu), verbose=0)
    assert [type(each) for each in known] == [SourceStatistics] * 2
    pair = model.cache_source(((skeletons, imu), imu), verbose=0)
    np.testing.assert_array_equal(
        pair[0][1].log_probabilities, known[1].log_probabilities
    )
    assert pair[1] is imu
    assert list(tmp_path.iterdir()) == []  # without a path, all is in memory


def test_several_layers_are_cached(rng):
    def build(features, steps):
        inputs = keras.Input((steps, features))
        x = keras_dcat.AttentionKV(4, name="first")(inputs)
        x = keras_dcat.AttentionKV(4, num_heads=2, name="second")(x)
        x = keras.layers.GlobalAveragePooling1D()(x)
        return keras.Model(inputs, keras.layers.Dense(4)(x))

    pair, labels = windows(rng)
    names = {f"{side}_attention": ["first", "second"] for side in ("source", "target")}
    loss = MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(build(5, 12), build(3, 20), loss=loss, **names)
    known = model.cache_source(pair, verbose=0)
    assert [layer.mean.shape[1] for layer in known[0].layers] == [1, 2]
    live = model.evaluate(pair, labels, verbose=0, return_dict=True)
    cached = model.evaluate(known, labels, verbose=0, return_dict=True)
    assert cached == pytest.approx(live, rel=1e-5)


def test_windows_that_do_not_fit_the_source_are_refused(rng):
    (_, imu), _ = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    with pytest.raises(ValueError, match="input of the source must be of shape"):
        model.cache_source(imu, verbose=0)
    with pytest.raises(ValueError, match=r"`dtype` must be one of .*int8"):
        model.cache_source(imu, dtype="int8", verbose=0)
    with pytest.raises(ValueError, match="There must be windows"):
        model.cache_source(np.zeros((0, 12, 5)), verbose=0)


def test_statistics_of_other_sizes_are_refused_by_fit(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    other = keras_dcat.DCATModel(branch(5, 12, key_dim=3), branch(3, key_dim=3))
    known = other.cache_source(pair, verbose=0)
    with pytest.raises(ValueError, match="input of the source must be"):
        model.fit(known, labels, verbose=0)


class TestDataset:
    """A `tf.data.Dataset`, on every backend."""

    @pytest.fixture(autouse=True)
    def tensorflow(self):
        self.tf = pytest.importorskip("tensorflow")

    def dataset(self, rng, batch_size=10):
        (skeletons, imu), labels = windows(rng)
        pair = {"source": skeletons, "target": imu}
        slices = self.tf.data.Dataset.from_tensor_slices((pair, labels))
        return slices.batch(batch_size)

    def test_training_is_the_same_as_with_the_source_alive(self, rng, tmp_path):
        dataset = self.dataset(rng, batch_size=16)
        live, cached = twins()
        known = cached.cache_source(dataset, tmp_path / "cache", verbose=0)
        assert known.cardinality() == dataset.cardinality()
        expected = trained(live, dataset)
        for one, other in zip(trained(cached, known), expected, strict=True):
            np.testing.assert_allclose(one, other, **EXACT)

    def test_the_target_may_vary_in_every_pass(self, rng):
        from keras_dcat.windows import augmentation

        model = keras_dcat.DCATModel(*pair_of_branches())
        jitter = augmentation.Jitter(0.1)
        before = augmentation.augment_pairs(self.dataset(rng), target=jitter)
        known = model.cache_source(before, verbose=0)
        known = augmentation.augment_pairs(known, target=jitter)
        first, second = (next(iter(known))[0] for _ in range(2))
        assert not np.allclose(first["target"], second["target"])
        for one, other in zip(first["source"], second["source"], strict=True):
            self.tf.nest.map_structure(np.testing.assert_array_equal, one, other)

    @pytest.mark.parametrize("change", ["shuffled", "varied"])
    def test_a_source_that_changes_from_pass_to_pass_is_refused(self, rng, change):
        dataset = self.dataset(rng)
        from keras_dcat.windows import augmentation

        if change == "shuffled":
            dataset = dataset.unbatch().shuffle(32).batch(10)
        else:
            jitter = augmentation.Jitter(0.1)
            dataset = augmentation.augment_pairs(dataset, source=jitter)
        model = keras_dcat.DCATModel(*pair_of_branches())
        with pytest.raises(ValueError, match="Cache before you shuffle"):
            model.cache_source(dataset, verbose=0)

    def test_a_dataset_may_have_any_number_of_batches(self, rng, capsys):
        (skeletons, imu), _ = windows(rng, count=70)
        pair = {"source": skeletons, "target": imu}
        single = self.tf.data.Dataset.from_tensor_slices(pair).batch(1)
        model = keras_dcat.DCATModel(*pair_of_branches())
        uncounted = single.filter(lambda x: True)
        known = model.cache_source(uncounted, verbose=1)
        assert "70/Unknown" in capsys.readouterr().out
        rows = [batch["source"].log_probabilities for batch in known]
        expected = model.cache_source(skeletons, verbose=0).log_probabilities
        np.testing.assert_allclose(np.concatenate(rows), expected, **EXACT)

    def test_a_dataset_without_end_is_refused(self, rng, tmp_path):
        model = keras_dcat.DCATModel(*pair_of_branches())
        endless = self.dataset(rng).repeat()
        with pytest.raises(ValueError, match="Cache before you repeat"):
            model.cache_source(endless, tmp_path / "cache", verbose=0)
        assert not list(tmp_path.iterdir())

    def test_progress_is_shown_over_the_batches_of_a_dataset(self, rng, capsys):
        model = keras_dcat.DCATModel(*pair_of_branches())
        model.cache_source(self.dataset(rng), verbose=1)
        assert "4/4" in capsys.readouterr().out

    def test_windows_of_the_source_alone_give_its_statistics(self, rng, tmp_path):
        dataset = self.dataset(rng)
        model = keras_dcat.DCATModel(*pair_of_branches())
        alone = dataset.map(lambda x, y: (x["source"], y))
        known = model.cache_source(alone, tmp_path / "cache", verbose=0)
        assert known.log_probabilities.shape == (32, 4)
        again = model.cache_source(alone.map(lambda x, y: x), verbose=0)
        np.testing.assert_array_equal(again.features, known.features)

    def test_what_else_is_in_a_batch_stays(self, rng):
        dataset = self.dataset(rng).map(
            lambda x, y: (
                {**x, "transfer_mask": self.tf.ones_like(y, "float32")},
                y,
                self.tf.ones_like(y, "float32"),
            )
        )
        model = keras_dcat.DCATModel(*pair_of_branches())
        known = model.cache_source(dataset, verbose=0)
        known_shape = known.element_spec[0]["source"].log_probabilities.shape
        assert known_shape.as_list() == [None, 4]
        inputs, _, weights = next(iter(known))
        assert set(inputs) == {"source", "target", "transfer_mask"}
        assert weights.shape == (10,)
        model.fit(known, verbose=0)

    def test_several_sources_of_a_dataset(self, rng):
        (skeletons, imu), labels = windows(rng)
        sources = [branch(5, steps=12), branch(5, steps=12)]
        model = keras_dcat.DCATModel(sources, branch(3))
        pair = {"source": (skeletons, skeletons), "target": imu}
        dataset = self.tf.data.Dataset.from_tensor_slices((pair, labels)).batch(10)
        known = model.cache_source(dataset, verbose=0)
        live = model.evaluate(dataset, verbose=0, return_dict=True)
        cached = model.evaluate(known, verbose=0, return_dict=True)
        assert cached == pytest.approx(live, rel=1e-5)


def test_a_cache_in_memory_of_what_cannot_change_cannot_change(rng, tmp_path):
    pair, labels = windows(rng)
    inputs = {"source": pair[0], "target": pair[1]}
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)
    model = keras_dcat.DCATModel(*pair_of_branches())
    assert constants_of(model.cache_source(dataset, verbose=0)) is None
    constants = Constants(labels)
    with_constants(dataset, constants)
    assert constants_of(model.cache_source(dataset, verbose=0)) is constants
    on_disk = model.cache_source(dataset, tmp_path / "cache", verbose=0)
    assert constants_of(on_disk) is None


def test_a_source_that_rules_classes_out_and_has_large_products_is_cached(rng):
    pair, labels = windows(rng)
    source, target = pair_of_branches()
    classifier = source.layers[-1]
    kernel, bias = classifier.get_weights()
    classifier.set_weights([kernel, np.array([0, 0, 0, -np.inf], bias.dtype)])
    model = keras_dcat.DCATModel(source, target)
    known = model.cache_source(pair, verbose=0)
    live = model.evaluate(pair, labels, verbose=0, return_dict=True)
    cached = model.evaluate(known, labels, verbose=0, return_dict=True)
    for name, value in live.items():
        assert np.isfinite(value), name
        assert cached[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
    louder = known["source"] if isinstance(known, dict) else known[0]
    layers = tuple(x._replace(mean=x.mean * np.float32(1e15)) for x in louder.layers)
    louder = louder._replace(layers=layers)
    found = model.evaluate((louder, pair[1]), labels, verbose=0, return_dict=True)
    assert np.isfinite(list(found.values())).all()
