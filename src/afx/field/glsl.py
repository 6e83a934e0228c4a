"""The GLSL target: a traced program as the text of a WebGL2 fragment shader (GLSL ES 3.00).

Each value of the graph becomes one ``highp`` variable, so that a compiler has the same operations
in the same order as the other targets; GLSL ES 3.00 knows no ``precise``, so whether a compiler
contracts ``a * b + c`` or merges constants is its own affair. The text depends on the program and
the weights only.

What the page provides: ``u_size`` (columns, rows), ``u_geometry`` (x0, dx, y0, dy), ``u_pixel``,
a float uniform for each knob (:func:`uniform_name`), a sampler for each buffer and plane
(:func:`texture_name`; R32F, or R32UI for packed words). Row 0 is the top row and comes first in a
texture, while ``gl_FragCoord`` counts from the bottom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from afx.field.expr import Expr
from afx.field.glsl_text import constant, identifier, texture_name, uniform_name, vector
from afx.field.graph import FRAME, PIXEL, ROW, Order, order
from afx.field.network import ACTIVATIONS, Network
from afx.field.plan import until_first
from afx.field.program import Buffer, Loop, Program

__all__ = ["SOURCE_LIMIT", "field_source", "fragment_shader", "texture_name", "uniform_name"]

Weights = Mapping[str, NDArray[np.float32]]

SOURCE_LIMIT = 80 * 1024
"""Longest text of networks' constants, in bytes; beyond it drivers take seconds to compile."""

_EMPTY: Weights = MappingProxyType({})
_TYPES = {"f": "float", "i": "int", "b": "bool"}
_LONGEST = 120
"""An expression of more characters gets a variable; WebGL refuses those that nest 256 deep."""

_FORMATS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "min": "{0} < {1} ? {0} : {1}",
    "max": "{0} > {1} ? {0} : {1}",
    "neg": "-{0}",
    "abs": "abs({0})",
    "floor": "floor({0})",
    "sqrt": "sqrt({0})",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "eq": "{0} == {1}",
    "select": "{0} ? {1} : {2}",
    "bits": "floatBitsToInt({0})",
    "from_bits": "intBitsToFloat({0})",
    "to_int": "int({0})",
    "to_float": "float({0})",
}
_INFIX = frozenset(("add", "sub", "mul", "div", "neg", "lt", "le", "eq", "shl"))
_OPEN = _INFIX | {"abs", "floor", "sqrt", "bits", "from_bits", "to_int", "to_float", "shr"}
_LOGIC = {("and", "i"): "&", ("or", "i"): "|", ("xor", "i"): "^"}
_LOGIC |= {("and", "b"): "&&", ("or", "b"): "||", ("xor", "b"): "^^"}

_HEAD = """#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
uniform vec2 u_size;
uniform vec4 u_geometry;
uniform float u_pixel;
"""

_DENSE = """vec4 dense(vec4 h, mat4 w, vec4 x) {
  return (((h + w[0] * x.x) + w[1] * x.y) + w[2] * x.z) + w[3] * x.w;
}
"""

_MAIN = """void main() {{
  vec2 at = vec2(floor(gl_FragCoord.x), u_size.y - 1.0 - floor(gl_FragCoord.y));
  cell = ivec2(at);
  vec2 p = (at + 0.5) * u_geometry.yw + u_geometry.xz;
{body}}}
"""


class _Writer:
    """Writes the statements of one function."""

    def __init__(self, ordered: Order, weights: Weights, names: Mapping[str, str]) -> None:
        self.order = ordered
        self.weights = weights
        self.leaves = names
        self.lines: list[str] = []
        self.names: dict[Expr, str] = {}
        self.states: dict[Expr, list[str]] = {}
        self.activations: set[str] = set()
        self.constants = 0
        self.depth = 1
        self._count = 0

    def fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def line(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    def name(self, node: Expr) -> str:
        return self.names[self.order.of(node)]

    def write(self, nodes: Iterable[Expr]) -> None:
        """Write statements for `nodes`, which are in order and of one scope."""
        nodes = list(nodes)
        taker = {argument: node for node in nodes for argument in node.args}
        for node in nodes:
            if node.op == "loop":
                self._loop(node)
            elif node.op == "network":
                same = [self.order.scope[a] == FRAME for a in node.args]
                names = [self.names[a] for a in node.args]
                self.states[node] = self._network(node.data, names, same)
            else:
                self._value(node, taker.get(node))

    def _value(self, node: Expr, taker: Expr | None) -> None:
        op, data = node.op, node.data
        if op == "const":
            self.names[node] = constant(node)
        elif op in ("x", "y", "pixel"):
            self.names[node] = self.leaves[op]
        elif op == "knob":
            self.names[node] = uniform_name(data)
        elif op in ("state", "activation"):
            self.names[node] = self.states[node.args[0]][data]
        else:
            text = self._operation(node)
            # What one arithmetic operation takes is written into it. Not so in ?: and &&, where a
            # compiler could make branches of it, nor at the end of a loop, where the state changes.
            open_ = taker is not None and {op, taker.op} <= _OPEN
            if open_ and self.order.uses[node] == 1 and len(text) < _LONGEST:
                self.names[node] = f"({text})" if op in _INFIX else text
                return
            self.names[node] = self.fresh("v")
            self.line(f"{_TYPES[node.type]} {self.names[node]} = {text};")

    def _operation(self, node: Expr) -> str:
        op, data = node.op, node.data
        args = [self.names[a] for a in node.args]
        if op in _FORMATS:
            return _FORMATS[op].format(*args)
        if (op, node.type) in _LOGIC:
            return f"{args[0]} {_LOGIC[op, node.type]} {args[1]}"
        if op == "shl":
            return f"{args[0]} << {data}"
        if op == "shr":
            return f"int(uint({args[0]}) >> {data})"
        if op == "fetch":
            texture = texture_name(data.name)
            texel = f"texelFetch({texture}, held(ivec2({args[0]}, {args[1]}), {texture}), 0).x"
            return texel if data.type == "f" else f"int({texel})"
        if op == "size":
            return f"float(textureSize({texture_name(data[0].name)}, 0).{'xy'[data[1]]})"
        if op == "plane":
            name, dx, dy, step = data
            texture = texture_name(name)
            at = f"cell * {step} + ivec2({dx}, {dy})"
            return f"texelFetch({texture}, held({at}, {texture}), 0).x"
        raise NotImplementedError(f"the GLSL target has no operation {op!r}")

    def _loop(self, node: Expr) -> None:
        loop: Loop = node.data
        of = self.order.of
        state = [self.fresh("s") for _ in loop.start]
        for name, start in zip(state, loop.start, strict=True):
            self.line(f"{_TYPES[start.type]} {name} = {self.name(start)};")
        self.names.update((of(v), s) for v, s in zip(loop.variables, state, strict=True))
        test, rest = until_first(self.order, loop)
        i = self.fresh("i")
        self.line(f"for (int {i} = 0; {i} < {loop.count}; {i}++) {{")
        self.depth += 1
        self.write(test)
        if loop.until is not None:
            self.line(f"if ({self.name(loop.until)}) break;")
        self.write(rest)
        after = [self.name(e) for e in loop.step]
        for k, name in enumerate(after):
            # All of the state changes at once: what another part still needs is put by.
            if name in state and name != state[k]:
                after[k] = self.fresh("v")
                self.line(f"{_TYPES[loop.start[k].type]} {after[k]} = {name};")
        for old, new in zip(state, after, strict=True):
            if old != new:
                self.line(f"{old} = {new};")
        self.depth -= 1
        self.line("}")
        self.states[node] = state

    def _network(self, network: Network, inputs: list[str], same: list[bool]) -> list[str]:
        """Write a network out, four rows at a time, weights as constants."""
        if network.name not in self.weights:
            raise ValueError(f"the program needs the weights of network {network.name!r}")
        values, before = inputs, len(self.lines)
        flat = np.asarray(self.weights[network.name], np.float32)
        film = inputs[network.inputs - network.film :]
        orders = network.columns(same)
        for number, (matrix, bias) in enumerate(network.split(flat)):
            layer = network.layers[number]
            if number:
                values = values + film
            groups = _in_fours(orders[number], sum(same) if number == 0 else network.film)
            kinds = [name for name, count in layer.activations for _ in range(count)]
            results: list[str] = []
            for at in range(0, layer.outputs, 4):
                rows = slice(at, at + 4)
                results += self._rows(matrix[rows], bias[rows], kinds[rows], values, groups)
            values = results
        self.constants += sum(len(line) for line in self.lines[before:])
        if self.constants > SOURCE_LIMIT:
            raise ValueError(
                f"the network's {network.size} weights make {self.constants // 1024} KB of shader,"
                f" and browsers compile at most {SOURCE_LIMIT // 1024} KB quickly: use a smaller"
                " network (32 wide and 6 deep fits)"
            )
        return values

    def _rows(
        self,
        matrix: NDArray[np.float32],
        bias: NDArray[np.float32],
        kinds: Sequence[str],
        values: Sequence[str],
        groups: Sequence[Sequence[int]],
    ) -> list[str]:
        size = len(kinds)
        type_ = "float" if size == 1 else f"vec{size}"
        name = self.fresh("n")
        parts = [name] if size == 1 else [f"{name}.{c}" for c in "xyzw"[:size]]
        total = vector(type_, bias)
        texts = []
        for group in groups:
            some = [values[k] for k in group]
            if size == len(some) == 4:
                numbers = vector("mat4", matrix[:, group].T.ravel())
                texts.append(f"dense({total}, {numbers}, {_together(some)})")
            else:
                columns = [vector(type_, column) for column in matrix[:, group].T]
                products = (f" + {c} * {v}" for c, v in zip(columns, some, strict=True))
                texts.append(total + "".join(products))
            total = name
        self.line(f"{type_} {name} = {texts[0]};")
        for text in texts[1:]:
            self.line(f"{name} = {text};")
        if set(kinds) != {"linear"}:
            self.activations.update(set(kinds) - {"linear"})
            called = [
                part if kind == "linear" else f"act_{kind}({part})"
                for kind, part in zip(kinds, parts, strict=True)
            ]
            self.line(f"{name} = {type_}({', '.join(called)});")
        return parts


def _in_fours(columns: Sequence[int], same: int) -> list[list[int]]:
    """Return columns in groups of up to four, the first `same` apart from the rest.

    So what comes from four rows of the layer before stays together.
    """
    return [
        list(part[at : at + 4])
        for part in (columns[:same], columns[same:])
        for at in range(0, len(part), 4)
    ]


def _together(parts: Sequence[str]) -> str:
    """Return four floats as a vec4, which they may have been before."""
    whole = parts[0].partition(".")[0]
    same = list(parts) == [f"{whole}.{c}" for c in "xyzw"]
    return whole if same else f"vec4({', '.join(parts)})"


def _activation_source(kind: str) -> str:
    value = ACTIVATIONS[kind](Expr("x", "f"))
    writer = _Writer(order([value]), _EMPTY, {"x": "x"})
    writer.write(n for scope in (FRAME, ROW, PIXEL) for n in writer.order.nodes.get(scope, []))
    body = "\n".join([*writer.lines, f"  return {writer.name(value)};"])
    return f"float act_{kind}(float x) {{\n{body}\n}}\n"


def _samplers(ordered: Order) -> str:
    """Declare textures, and `held`, which keeps a texel's position inside them."""
    kinds: dict[str, str] = {}
    for node in ordered.all():
        if node.op in ("fetch", "size"):
            buffer: Buffer = node.data if node.op == "fetch" else node.data[0]
            kinds[texture_name(buffer.name)] = "sampler2D" if buffer.type == "f" else "usampler2D"
        elif node.op == "plane":
            kinds[texture_name(node.data[0])] = "sampler2D"
    lines = [f"uniform highp {kind} {name};" for name, kind in sorted(kinds.items())]
    lines += [
        f"ivec2 held(ivec2 at, highp {kind} t) {{"
        " return clamp(at, ivec2(0), textureSize(t, 0) - 1); }"
        for kind in sorted(set(kinds.values()))
    ]
    return "".join(f"{line}\n" for line in lines)


def field_source(program: Program, *, weights: Weights = _EMPTY) -> str:
    """Return the program as a GLSL function, with the declarations that it needs.

    The function is ``void field(vec2 p, float pixel, out float o_<name>, ...)`` with one ``out``
    argument for each output, in their order. Planes are read at the global ``ivec2 cell`` (column,
    row from the top).

    Parameters
    ----------
    program : Program
    weights : mapping of str to array
        The flat weights of each network.

    Raises
    ------
    ValueError
        If a network has no weights, or its text is longer than `SOURCE_LIMIT`.
    """
    ordered = order([e for _, e in program.outputs])
    writer = _Writer(ordered, weights, {"x": "p.x", "y": "p.y", "pixel": "pixel"})
    writer.write(n for scope in (FRAME, ROW, PIXEL) for n in ordered.nodes.get(scope, []))
    arguments = ["vec2 p", "float pixel"]
    for name, value in program.outputs:
        writer.line(f"o_{identifier(name)} = {writer.name(value)};")
        arguments.append(f"out {_TYPES[value.type]} o_{identifier(name)}")
    used = (node.data for node in ordered.all() if node.op == "knob")
    knobs = dict.fromkeys([*program.knobs, *used])
    return "".join(
        [
            *(f"uniform float {uniform_name(knob)};\n" for knob in knobs),
            "ivec2 cell;\n",
            _samplers(ordered),
            _DENSE if "= dense(" in "\n".join(writer.lines) else "",
            *(_activation_source(kind) for kind in sorted(writer.activations)),
            f"void field({', '.join(arguments)}) {{\n",
            *(f"{line}\n" for line in writer.lines),
            "}\n",
        ]
    )


def fragment_shader(program: Program, *, weights: Weights = _EMPTY, bits: bool = False) -> str:
    """Return a whole fragment shader that writes the program's outputs.

    Parameters
    ----------
    program : Program
        With one to four outputs; they become red, green, blue and alpha, missing ones 0.
    weights : mapping of str to array
        The flat weights of each network, written into the text.
    bits : bool
        False writes floats (for an RGBA8 or RGBA32F target); integers and truth values are
        converted. True writes every output's 32 bits (for an RGBA32UI target).

    Returns
    -------
    str
        The same text for the same program, whenever and wherever it was traced.

    Raises
    ------
    ValueError
        If there are more than four outputs, or a network has no weights or too many.
    """
    if not 1 <= len(program.outputs) <= 4:
        raise ValueError(f"a shader writes one to four outputs, not {len(program.outputs)}")
    convert = {
        "f": "floatBitsToUint({0})" if bits else "{0}",
        "i": "uint({0})" if bits else "float({0})",
        "b": "({0} ? 1u : 0u)" if bits else "({0} ? 1.0 : 0.0)",
    }
    body, parts = "", []
    for k, (_, value) in enumerate(program.outputs):
        body += f"  {_TYPES[value.type]} r{k};\n"
        parts.append(convert[value.type].format(f"r{k}"))
    body += f"  field(p, u_pixel, {', '.join(f'r{k}' for k in range(len(parts)))});\n"
    type_ = "uvec4" if bits else "vec4"
    parts += ["0u" if bits else "0.0"] * (4 - len(parts))
    body += f"  result = {type_}({', '.join(parts)});\n"
    field = field_source(program, weights=weights)
    return _HEAD + f"layout(location = 0) out {type_} result;\n" + field + _MAIN.format(body=body)
