"""What no code of ours may do: run what a file says, or unpack it anywhere."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("keras_dcat", "examples", "docs", "benchmarks")
PAGES = ("keras_dcat/streaming/page.html", "keras_dcat/evaluation/report.html")
# One file of a publisher, which is opened only if its SHA-256 is the known one:
# tests/datasets/test_watch.py.
KNOWN = {("keras_dcat/datasets/watch.py", "allow_pickle")}

_MODULES = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
_BUILTINS = {"eval", "exec", "compile", "__import__"}
_NAMES = {"Lambda", "enable_unsafe_deserialization", "unpack_archive", "extractall"}
_FUNCTIONS = {"os.system", "os.popen", "tempfile.mktemp"}
_FUNCTIONS |= {f"yaml.{name}" for name in ("load", "load_all", "Loader", "FullLoader")}
_FUNCTIONS |= {f"yaml.{kind}_load" for kind in ("full", "unsafe")} | {
    "yaml.UnsafeLoader"
}
# Arguments, and the only value that they may have.
_ARGUMENTS = {"safe_mode": True, "allow_pickle": False, "shell": False}
_ARGUMENTS |= {"weights_only": True, "autoescape": True}


def unsafe(tree):
    """Words for what is unsafe in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names]
            names = modules if isinstance(node, ast.ImportFrom) else []
            modules = [node.module or ""] if names else modules
            yield from {name.split(".")[0] for name in modules} & _MODULES
            yield from set(names) & _NAMES
            yield from {f"{m}.{name}" for m in modules for name in names} & _FUNCTIONS
        elif isinstance(node, ast.Attribute):
            yield from {node.attr} & _NAMES
            yield from {ast.unparse(node)} & _FUNCTIONS
        elif isinstance(node, ast.Call):
            yield from _unsafe_call(node)


def _unsafe_call(node):
    name = ast.unparse(node.func)
    yield from {name} & _BUILTINS
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    for argument in given.keys() & _ARGUMENTS.keys():
        value = given[argument]
        allowed = _ARGUMENTS[argument]
        if not isinstance(value, ast.Constant) or value.value is not allowed:
            yield argument
    # Jinja escapes nothing unless it is told to.
    if name.split(".")[-1] == "Environment" and "autoescape" not in given:
        yield "autoescape"


def test_no_code_does_what_is_unsafe():
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    found = {
        (path.relative_to(ROOT).as_posix(), what)
        for path in files
        for what in unsafe(ast.parse(path.read_text("utf-8")))
    }
    assert found == KNOWN


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import pickle", "pickle"),
        ("from joblib import load", "joblib"),
        ("import marshal as m", "marshal"),
        ("eval('1')", "eval"),
        ("exec(compile(text, '', 'exec'))", "compile"),
        ("__import__('os')", "__import__"),
        ("keras.layers.Lambda(f)", "Lambda"),
        ("from keras.layers import Lambda", "Lambda"),
        ("load_model(path, safe_mode=False)", "safe_mode"),
        ("load_model(path, safe_mode=trusted)", "safe_mode"),
        (
            "keras.config.enable_unsafe_deserialization()",
            "enable_unsafe_deserialization",
        ),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
        ("torch.load(path, weights_only=False)", "weights_only"),
        ("yaml.load(text, yaml.FullLoader)", "yaml.load"),
        ("from yaml import unsafe_load", "yaml.unsafe_load"),
        ("subprocess.run(line, shell=True)", "shell"),
        ("os.system(line)", "os.system"),
        ("from os import popen", "os.popen"),
        ("tempfile.mktemp()", "tempfile.mktemp"),
        ("archive.extractall(folder)", "extractall"),
        ("shutil.unpack_archive(path)", "unpack_archive"),
        ("jinja2.Environment()", "autoescape"),
        ("Environment(autoescape=False)", "autoescape"),
    ],
)
def test_what_is_unsafe_is_seen(code, what):
    assert what in set(unsafe(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "model.compile(loss=loss)",
        "re.compile('x')",
        "keras.callbacks.LambdaCallback(on_train_end=f)",
        "load_model(path, safe_mode=True)",
        "np.load(path, allow_pickle=False)",
        "yaml.compose(text, yaml.SafeLoader)",
        "subprocess.run([sys.executable, path])",
        "Environment(autoescape=True)",
    ],
)
def test_what_is_safe_is_let_alone(code):
    assert list(unsafe(ast.parse(code))) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_ours_takes_text_for_text_and_fetches_nothing(path):
    page = (ROOT / path).read_text("utf-8")
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc"
    assert re.findall(words, page) == []
    assert re.findall(r"\b(?:eval|Function|setTimeout)\(['\"`]", page) == []
    assert re.findall(r"(?:src|href)=[\"']?(?:https?:)?//|@import|url\(", page) == []
    # What may be markup: figures that we draw, whose words matplotlib escapes.
    assert set(re.findall(r"\{\{[^}]*\bsafe\b[^}]*\}\}", page)) <= {"{{ svg | safe }}"}
