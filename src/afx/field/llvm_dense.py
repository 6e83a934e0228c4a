"""A dense layer on the CPU: sums of rows by pixels, kept in registers while they grow.

Six rows by as many pixel vectors as registers allow are summed together, so each weight and each
input is read once for several products. Weights are used where they lie: what makes that fast is
asking for the next rows' weights while these are summed, and doing four inputs a round.

Every sum is built in the same order (bias, then the inputs one by one) whatever the number of rows
or the width of vectors, so pixels depend on neither.
"""

from __future__ import annotations

TILE = 64
"""Pixels a network works on at a time."""

ROWS = 6
"""Rows of a layer computed together; those left over go four, two and one at a time."""

UNROLL = 4
"""Inputs added between two questions whether any are left."""


def dense_function(lanes: int, fma: bool) -> str:
    """Return ``dense``: ``target[m, TILE] = matrix[m, k] source[k, TILE] + bias[m]``.

    The rows of the matrix begin `stride` floats apart.

    Parameters
    ----------
    lanes : int
        Floats of a hardware vector.
    fma : bool
        Fuse products and sums.
    """
    return _Dense(lanes, fma).text()


class _Dense:
    """The text of the function; used once."""

    def __init__(self, lanes: int, fma: bool) -> None:
        self.lanes = lanes
        self.fma = fma
        self.kind = f"<{lanes} x float>"
        # 24 sums and their operands fit in 32 registers (AVX-512, NEON), 12 in AVX2's 16: in both
        # cases more than the latency of fused multiply-adds needs in flight.
        self.vectors = 2 if lanes == 8 else 4
        self.lines: list[str] = []

    def text(self) -> str:
        """Write the function: sixes of rows, then what is left of them."""
        self.lines += [
            "define internal void @dense(ptr noalias %matrix, i64 %stride, ptr noalias %bias,"
            " ptr noalias %source, ptr noalias %target, i64 %k, i64 %m) #0 noinline {",
            "entry:",
            f"  %rounds = and i64 %k, {-UNROLL}",
            f"  %ahead = mul i64 %stride, {ROWS}",
            f"  %left = urem i64 %m, {ROWS}",
            "  %left4 = and i64 %left, -4",
            "  %left2 = and i64 %left, -2",
            "  %sixes = sub i64 %m, %left",
            "  %fours = add i64 %sixes, %left4",
            "  %pairs = add i64 %sixes, %left2",
        ]
        before, start = "entry", "0"
        blocks = (
            ("six", ROWS, "%sixes"),
            ("four", 4, "%fours"),
            ("two", 2, "%pairs"),
            ("one", 1, "%m"),
        )
        for name, rows, bound in blocks:
            self.lines.append(f"  br label %{name}")
            self._rows(name, rows, start, bound, before)
            before, start = f"{name}_end", bound
        self.lines += ["  ret void", "}"]
        return "\n".join(self.lines)

    def _rows(self, name: str, rows: int, start: str, bound: str, before: str) -> None:
        """Loop over blocks of rows, and for each over blocks of pixels."""
        p = f"%{name}_"
        self.lines += [
            f"{name}:",
            f"  {p}r = phi i64 [ {start}, %{before} ], [ {p}next, {p}done ]",
            f"  {p}more = icmp slt i64 {p}r, {bound}",
            f"  br i1 {p}more, label {p}begin, label {p}end",
            f"{name}_begin:",
        ]
        for row in range(rows):
            self.lines += [
                f"  {p}i{row} = add i64 {p}r, {row}",
                f"  {p}wi{row} = mul i64 {p}i{row}, %stride",
                f"  {p}w{row} = getelementptr float, ptr %matrix, i64 {p}wi{row}",
                f"  {p}bp{row} = getelementptr float, ptr %bias, i64 {p}i{row}",
                f"  {p}b{row} = load float, ptr {p}bp{row}, align 4",
                f"  {p}ti{row} = mul i64 {p}i{row}, {TILE}",
            ]
            self._splat(f"{p}b{row}", f"{p}bs{row}")
        self.lines += [
            f"  br label {p}tile",
            f"{name}_tile:",
            f"  {p}v = phi i64 [ 0, {p}begin ], [ {p}vnext, {p}store ]",
            f"  {p}x = getelementptr float, ptr %source, i64 {p}v",
        ]
        self._sums(name, rows)
        self.lines += [
            f"  {p}vnext = add i64 {p}v, {self.vectors * self.lanes}",
            f"  {p}vmore = icmp slt i64 {p}vnext, {TILE}",
            f"  br i1 {p}vmore, label {p}tile, label {p}done",
            f"{name}_done:",
            f"  {p}next = add i64 {p}r, {rows}",
            f"  br label %{name}",
            f"{name}_end:",
        ]

    def _sums(self, name: str, rows: int) -> None:
        """Sum a block of rows by pixels from the bias over all inputs, and store it."""
        p = f"%{name}_"
        block = [(row, vector) for row in range(rows) for vector in range(self.vectors)]
        self.lines += [
            f"  {p}any = icmp sgt i64 %rounds, 0",
            f"  br i1 {p}any, label {p}round, label {p}rest",
        ]
        first = {key: f"{p}bs{key[0]}" for key in block}
        after = self._loop(f"{name}_round", rows, UNROLL, f"{name}_tile", "0", first)
        self.lines += [
            f"  {p}again = icmp slt i64 {p}round_next, %rounds",
            f"  br i1 {p}again, label {p}round, label {p}rest",
            f"{name}_rest:",
        ]
        rest = {key: f"{p}rest{key[0]}_{key[1]}" for key in block}
        for key in block:
            self.lines.append(
                f"  {rest[key]} = phi {self.kind} [ {first[key]}, {p}tile ],"
                f" [ {after[key]}, {p}round ]"
            )
        self.lines += [
            f"  {p}left = icmp slt i64 %rounds, %k",
            f"  br i1 {p}left, label {p}single, label {p}store",
        ]
        last = self._loop(f"{name}_single", rows, 1, f"{name}_rest", "%rounds", rest)
        self.lines += [
            f"  {p}other = icmp slt i64 {p}single_next, %k",
            f"  br i1 {p}other, label {p}single, label {p}store",
            f"{name}_store:",
        ]
        for row, vector in block:
            self.lines.append(
                f"  {p}total{row}_{vector} = phi {self.kind} [ {rest[row, vector]}, {p}rest ],"
                f" [ {last[row, vector]}, {p}single ]"
            )
        for row, vector in block:
            total, at = f"{p}total{row}_{vector}", f"{p}at{row}_{vector}"
            self.lines += [
                f"  {at}_1 = add i64 {p}ti{row}, {vector * self.lanes}",
                f"  {at}_2 = add i64 {at}_1, {p}v",
                f"  {at} = getelementptr float, ptr %target, i64 {at}_2",
                f"  store {self.kind} {total}, ptr {at}, align 4",
            ]

    def _loop(
        self,
        label: str,
        rows: int,
        unroll: int,
        before: str,
        start: str,
        sums: dict[tuple[int, int], str],
    ) -> dict[tuple[int, int], str]:
        """Begin a loop that adds `unroll` inputs a round; return the sums after a round.

        What follows decides whether ``<label>_next`` begins another one.
        """
        p, q = f"%{label.partition('_')[0]}_", f"%{label}_"
        self.lines += [
            f"{label}:",
            f"  {q}j = phi i64 [ {start}, %{before} ], [ {q}next, %{label} ]",
        ]
        hole = len(self.lines)
        self.lines += [
            f"  {q}jt = mul i64 {q}j, {TILE}",
            f"  {q}x = getelementptr float, ptr {p}x, i64 {q}jt",
        ]
        for row in range(rows):
            self.lines.append(f"  {q}w{row} = getelementptr float, ptr {p}w{row}, i64 {q}j")
            if rows == ROWS and unroll > 1:
                self.lines += [
                    f"  {q}soon{row} = getelementptr float, ptr {q}w{row}, i64 %ahead",
                    f"  call void @llvm.prefetch.p0(ptr {q}soon{row}, i32 0, i32 3, i32 1)",
                ]
        named = {key: f"{q}s{key[0]}_{key[1]}" for key in sums}
        totals = dict(named)
        for step in range(unroll):
            for vector in range(self.vectors):
                x, offset = f"{q}x{step}_{vector}", step * TILE + vector * self.lanes
                self.lines += [
                    f"  {x}_p = getelementptr float, ptr {q}x, i64 {offset}",
                    f"  {x} = load {self.kind}, ptr {x}_p, align 4",
                ]
            for row in range(rows):
                w = f"{q}w{row}_{step}"
                self.lines += [
                    f"  {w}_p = getelementptr float, ptr {q}w{row}, i64 {step}",
                    f"  {w} = load float, ptr {w}_p, align 4",
                ]
                self._splat(w, f"{w}_s")
                for vector in range(self.vectors):
                    total = f"{q}n{step}_{row}_{vector}"
                    x = f"{q}x{step}_{vector}"
                    self._multiply_add(f"{w}_s", x, totals[row, vector], total)
                    totals[row, vector] = total
        self.lines.append(f"  {q}next = add i64 {q}j, {unroll}")
        self.lines[hole:hole] = [
            f"  {named[key]} = phi {self.kind} [ {sums[key]}, %{before} ],"
            f" [ {totals[key]}, %{label} ]"
            for key in sums
        ]
        return totals

    def _multiply_add(self, a: str, b: str, c: str, result: str) -> None:
        kind = self.kind
        if self.fma:
            self.lines.append(
                f"  {result} = call {kind} @llvm.fma.v{self.lanes}f32({kind} {a}, {kind} {b},"
                f" {kind} {c})"
            )
        else:
            self.lines.append(f"  {result}_m = fmul {kind} {a}, {b}")
            self.lines.append(f"  {result} = fadd {kind} {c}, {result}_m")

    def _splat(self, value: str, result: str) -> None:
        """Emit a vector with one value in all lanes."""
        kind = self.kind
        self.lines += [
            f"  {result}_1 = insertelement {kind} poison, float {value}, i64 0",
            f"  {result} = shufflevector {kind} {result}_1, {kind} poison,"
            f" <{self.lanes} x i32> zeroinitializer",
        ]
