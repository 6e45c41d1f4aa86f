"""The changes to a module that its tests should notice, one at a time."""

import ast
import copy
import functools

OTHERS = {
    **{ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE]},
    **{ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt, ast.LtE]},
    **{ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot]},
    **{ast.IsNot: [ast.Is], ast.In: [ast.NotIn], ast.NotIn: [ast.In]},
    **{ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div]},
    **{ast.Div: [ast.Mult], ast.Pow: [ast.Mult], ast.FloorDiv: [ast.Mult]},
    **{ast.Mod: [ast.Mult], ast.BitAnd: [ast.BitOr], ast.BitOr: [ast.BitAnd]},
    **{ast.And: [ast.Or], ast.Or: [ast.And]},
}
CALLS = ("min max", "minimum maximum", "any all", "argmin argmax", "floor ceil")
CALLS += ("sum mean", "zeros_like ones_like", "square abs", "stack concatenate")
CALLED = {a: b for pair in map(str.split, CALLS) for a, b in (pair, pair[::-1])}
KEPT = {"annotation", "returns", "decorator_list", "bases"}


def changes_of(source):
    """`(line, what, changed source)` of each change; the words of errors stay."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    for node, put in list(_places(tree)):
        for other in _others(node):
            put(other)
            changed = ast.unparse(tree)
            put(node)
            if changed not in seen and _is_python(changed):
                seen.add(changed)
                yield getattr(node, "lineno", 0), _what(node, other), changed


def _is_python(source):
    try:
        return bool(compile(source, "", "exec"))
    except SyntaxError:
        return False


def _places(node):
    """Nodes, each with a function that puts another one in its place."""
    for name, value in ast.iter_fields(node):
        each = enumerate(value) if isinstance(value, list) else [(None, value)]
        for at, child in each:
            if name in KEPT or not isinstance(child, ast.AST):
                continue
            put = functools.partial(setattr, node, name)
            if at is not None:
                put = functools.partial(value.__setitem__, at)
            yield child, put
            if not isinstance(child, ast.Raise):
                yield from _places(child)


def _others(node):
    """What may stand in the place of a node."""
    match node:
        case ast.Expr(value=ast.Constant()):
            pass  # a docstring
        case ast.Raise() | ast.Expr() | ast.Delete():
            yield ast.Pass()
        case ast.Return(value=ast.expr()):
            yield ast.Return(ast.Constant(None))
        case ast.Assign(targets=[ast.Name(id=name)]) if name in _names(node.value):
            yield ast.Pass()
        case ast.AugAssign() | ast.BinOp() | ast.BoolOp():
            yield from (_with(node, op=op()) for op in OTHERS.get(type(node.op), []))
            yield from [ast.Pass()] if isinstance(node, ast.AugAssign) else []
            yield from getattr(node, "values", [])
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                for other in OTHERS[type(op)]:
                    yield _with(node, ops=[*ops[:at], other(), *ops[at + 1 :]])
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(value=float(value)):
            yield from map(ast.Constant, (1.5 * value, 0.5 * value or 1.0))
        case ast.Slice():
            yield from (_with(node, **{part: None}) for part in ("lower", "upper"))
        case ast.If() | ast.IfExp() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.FunctionDef(decorator_list=[*_]) | ast.ClassDef(decorator_list=[*_]):
            yield from _shorter(node, "decorator_list")
        case ast.Call():
            yield from _other_calls(node)


def _other_calls(node):
    yield from _shorter(node, "keywords")
    if len(node.args) > 1:
        yield _with(node, args=node.args[:-1])
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    is_method = isinstance(node.func, ast.Attribute) and not (
        _names(node.func) & {"keras", "math", "np", "ops", "tf"}
    )
    yield from [node.func.value] if is_method else node.args[:1]  # nothing is done
    name = "attr" if isinstance(node.func, ast.Attribute) else "id"
    if (called := getattr(node.func, name, None)) in CALLED:
        yield _with(node, func=_with(node.func, **{name: CALLED[called]}))


def _with(node, **fields):
    new = copy.copy(node)
    vars(new).update(fields)
    return new


def _shorter(node, name):
    """A node without one of several things, for each of them."""
    for at in range(len(items := getattr(node, name))):
        yield _with(node, **{name: items[:at] + items[at + 1 :]})


def _names(node):
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _what(node, other):
    return " -> ".join(ast.unparse(each)[:70].split("\n")[0] for each in (node, other))
