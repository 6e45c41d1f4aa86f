import ast

from tests.reliability.changes import changes_of

MODULE = '''
"""What is said of a module is not changed."""

@registered
def smaller(first, second=1.0):
    """Nor of a function."""
    if not first < 1 and second > 0:
        raise ValueError(f"Nor {first + second}, in an error.")
    return np.min(first, axis=0)
'''


def test_one_thing_is_changed_at_a_time():
    expected = """
        if not first < 1 and second > 0: -> if not (not first < 1 and second > 0):
        raise ValueError(f'Nor {first + second}, in an error.') -> pass
        return np.min(first, axis=0) -> return None
        not first < 1 and second > 0 -> not first < 1 or second > 0
        not first < 1 and second > 0 -> not first < 1
        not first < 1 and second > 0 -> second > 0
        not first < 1 -> first < 1
        first < 1 -> first <= 1
        first < 1 -> first > 1
        second > 0 -> second >= 0
        second > 0 -> second < 0
        0 -> 1
        0 -> -1
        1.0 -> 1.5
        1.0 -> 0.5
        np.min(first, axis=0) -> np.min(first)
        np.min(first, axis=0) -> first
        np.min(first, axis=0) -> np.max(first, axis=0)
    """
    changes = list(changes_of(MODULE))
    found = {what for _, what, _ in changes}
    assert {line.strip() for line in expected.strip().split("\n")} <= found
    sources = {source for _, _, source in changes}
    assert len(sources) == len(changes)
    assert not sources & {ast.unparse(ast.parse(MODULE))}
    assert any("@registered" not in source for source in sources)
    assert all('"""Nor of a function."""' in source for source in sources)
