"""The way of the data: imports point upstream, and every module has its test."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "keras_dcat"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = [path for path in FILES if path.name != "__init__.py"]

# What each part of the package may import of the others. `typing` and `real_numbers`
# are for all.
UPSTREAM = {
    "class_labels": set(),
    "class_names": set(),
    "constant_data": set(),
    "extras": set(),
    "file_kinds": set(),
    "folds": set(),
    "lazy": set(),
    "quantization": set(),
    "real_numbers": set(),
    "shown": set(),
    "storage": {"file_kinds"},
    "typing": set(),
    "recordings": {"class_names", "extras", "file_kinds", "shown", "storage"},
    "datasets": {"extras", "recordings", "shown", "storage"},
    "windows": {
        "constant_data",
        "file_kinds",
        "folds",
        "lazy",
        "recordings",
        "shown",
        "storage",
    },
    "attention": {"quantization", "shown"},
    "encoders": {"attention"},
    "metrics": {"class_labels", "class_names"},
    "transfer": {
        "attention",
        "class_labels",
        "class_names",
        "constant_data",
        "file_kinds",
        "folds",
        "metrics",
        "quantization",
        "shown",
        "storage",
    },
    "diagnosis": {
        "attention",
        "class_names",
        "extras",
        "file_kinds",
        "folds",
        "metrics",
        "shown",
        "transfer",
    },
    "evaluation": {
        "class_labels",
        "diagnosis",
        "extras",
        "metrics",
        "shown",
        "storage",
        "transfer",
        "windows",
    },
    "export": {
        "class_names",
        "encoders",
        "evaluation",
        "extras",
        "metrics",
        "shown",
        "storage",
        "transfer",
        "windows",
    },
    "streaming": {"export", "extras", "metrics", "recordings", "shown", "windows"},
    "tuning": {"extras", "lazy", "metrics", "transfer"},
    "cli": {
        "datasets",
        "encoders",
        "evaluation",
        "extras",
        "file_kinds",
        "metrics",
        "recordings",
        "shown",
        "storage",
        "streaming",
        "transfer",
        "tuning",
        "windows",
    },
    "__main__": set(),
    "plots": {"diagnosis", "extras", "recordings", "storage", "windows"},
}

# The same inside of the method.
TRANSFER = PACKAGE / "transfer"
UPSTREAM_OF_TRANSFER = {
    "labels": set(),
    "losses": {"labels"},
    "recipes": {"losses"},
    "head": {"labels", "losses"},
    "label_rules": {"head"},
    "labelled_metrics": {"head", "labels"},
    "outputs": set(),
    "models": {"head", "losses", "outputs"},
    "memory": set(),
    "gating": {"head", "labels", "memory", "models"},
    "combination": {"gating"},
    "distribution_alignment": set(),
    "gradient_step": set(),
    "source_scores": {"gating", "head"},
    "objective": {
        "combination",
        "distribution_alignment",
        "gating",
        "gradient_step",
        "head",
        "losses",
        "source_scores",
    },
    "chosen_losses": {"gating", "losses", "models", "objective", "recipes"},
    "supervision": {"gradient_step", "head", "labelled_metrics", "losses", "outputs"},
    "transfer_metrics": set(),
    "transfer_weight": set(),
    "summary": set(),
    "caching": {"losses", "memory"},
    "input_shapes": set(),
    "callbacks": {"gating", "input_shapes", "label_rules"},
    "recipe_weights": {"losses", "recipes"},
    "input_batches": set(),
    "class_weight": {"head", "labels"},
    "input_values": {"input_shapes", "label_rules", "losses"},
    "inputs": {
        "class_weight",
        "input_batches",
        "input_shapes",
        "input_values",
        "label_rules",
        "losses",
    },
    "recovery": set(),
    "compiled_step": set(),
    "on_device": {"compiled_step", "gradient_step"},
    "training": {
        "caching",
        "callbacks",
        "compiled_step",
        "gradient_step",
        "input_batches",
        "input_values",
        "models",
        "on_device",
        "recovery",
    },
    "model": {
        "chosen_losses",
        "combination",
        "gradient_step",
        "input_shapes",
        "inputs",
        "models",
        "objective",
        "outputs",
        "recipes",
        "summary",
        "supervision",
        "training",
        "transfer_metrics",
        "transfer_weight",
    },
}


def part(path, whole=PACKAGE):
    """The first step inside of a whole: a folder or a module."""
    return path.relative_to(whole).parts[0].removesuffix(".py")


def imports(path, top_level_only=False):
    """Dotted names that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def violations(path, allowed, whole=PACKAGE):
    own = part(path, whole)
    prefix = ".".join(whole.relative_to(ROOT).parts) + "."
    steps = {
        name.removeprefix(prefix).split(".")[0]
        for name in imports(path)
        if name.startswith(prefix)
    }
    return steps - allowed - {own, "real_numbers", "typing"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_upstream(path):
    if path == PACKAGE / "__init__.py":
        return
    assert violations(path, UPSTREAM[part(path)]) == set()


@pytest.mark.parametrize("path", sorted(TRANSFER.rglob("*.py")), ids=str)
def test_imports_point_upstream_inside_of_the_method(path):
    if path == TRANSFER / "__init__.py":
        return
    allowed = UPSTREAM_OF_TRANSFER[part(path, TRANSFER)]
    assert violations(path, allowed, TRANSFER) == set()


def test_an_import_against_the_stream_is_seen():
    path = TRANSFER / "model.py"
    assert violations(path, allowed={"gating"}, whole=TRANSFER) >= {"objective"}
    path = TRANSFER / "models" / "branch.py"
    assert violations(path, allowed=set()) == {"attention"}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_has_a_test_at_the_same_path(path):
    folder = ROOT / "tests" / path.relative_to(PACKAGE).parent
    assert (folder / f"test_{path.name}").exists()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


def test_tensorflow_is_imported_by_what_works_on_tf_data_alone():
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if "tensorflow" in imports(path, top_level_only=True)
    }
    alone = {f"windows/{name}.py" for name in ("log_mel", "pipeline", "shards")}
    assert {u for u in users if not u.startswith("windows/augmentation/")} == alone


def test_only_the_steps_of_training_know_of_single_backends():
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if {"jax", "torch"} & {name.split(".")[0] for name in imports(path)}
    }
    assert users == {"transfer/gradient_step.py", "transfer/compiled_step.py"}


def test_the_command_line_imports_nothing_of_the_package_before_a_command_runs():
    names = imports(ROOT / "keras_dcat_command.py", top_level_only=True)
    assert not {n for n in names if n.split(".")[0] in ("keras", "keras_dcat")}


def test_the_method_flows_one_way():
    order = {name: at for at, name in enumerate(UPSTREAM_OF_TRANSFER)}
    for name, allowed in UPSTREAM_OF_TRANSFER.items():
        assert all(order[each] < order[name] for each in allowed), name
