"""Functions mean the same after narae-plan-spaces: random ones are interpreted before and after."""

import random
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD

CELL = 256  # bytes that the interpreter tells apart
SPACES = """#dims = affine_map<() -> (256)>
hbm.space @hbm "HBM3" capacity 1048576
hbm.space @sram "SRAM" capacity {capacity} over @hbm {{
  fill = 1000000000 : i64, drain = 500000000 : i64, channels = {channels} : i64, startup = 20 : i64
}}
"""
KERNEL = """rt.kernel @{name} attributes {{
  symbols = [], arg_dims = [#dims, #dims], result_dims = [#dims], nodes = [], device = "any"{more}
}} {{
^bb0(%x: tensor<256xf32>, %y: tensor<256xf32>):
  %0 = fm.add %x, %y : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  fm.yield %0 : tensor<256xf32>
}}
"""
WEIGHT = """fm.weight_data @{name} : tensor<256xf32> {{
  file = "", offset = 0 : i64, length = 1024 : i64, hash = 0 : i64
}}
"""


def random_function(rng: random.Random, name: str) -> str:
    """Kernels, updates in place and copies of parts, of what has been written before."""
    lines = [f"func.func @{name}() {{", "  %half = arith.constant 512 : index"]
    lines += [
        f"  %work{i} = arith.constant {w} : index" for i, w in enumerate((1000, 300000, 2000000))
    ]
    lines.append(
        '  %x = rt.arg 0 "x" : tensor<256xf32> {bounds = array<i64: 256, 256>, dims = [""]}'
    )
    known = ["x"]
    for weight in ("w0", "w1"):
        lines.append(f"  %{weight} = rt.weight @{weight}")
        known.append(weight)
    lines.append("  %s = rt.state @s")
    known.append("s")
    buffers = [f"b{i}" for i in range(rng.randint(2, 7))]
    lines += [
        f'  %{b} = hbm.buffer "{b}" : tensor<256xf32> [] in "arena" live [1, 99)' for b in buffers
    ]
    lines.append('  %y = hbm.buffer "y" : tensor<256xf32> [] in "output" live [1, 99)')
    commands = rng.randint(3, 25)
    for i in range(commands):
        work = rng.randrange(3)
        operands = f"%{rng.choice(known)}, %{rng.choice(known)}"
        kind = rng.choice(["add", "add", "add", "update", "part"])
        written = [k for k in known if k in buffers or k == "s"]
        if i + 1 == commands:
            lines.append(f"  rt.launch @add({operands}) -> (%y) [] work(%work{work})")
        elif kind == "update":
            to = rng.choice(written)
            other = rng.choice([k for k in known if k != to])
            lines.append(f"  rt.launch @update(%{to}, %{other}) -> (%{to}) [] work(%work{work})")
        elif kind == "part":
            to, of = rng.choice(written), rng.choice(known)
            start = rng.choice(["", " from %half"])
            lines.append(f"  %p{i} = hbm.alias %{to}{start} as tensor<128xf32> []")
            lines.append(f"  %q{i} = hbm.alias %{of} as tensor<128xf32> []")
            lines.append(f"  rt.copy %q{i} to %p{i}, %half")
        else:
            to = rng.choice(buffers)
            lines.append(f"  rt.launch @add({operands}) -> (%{to}) [] work(%work{work})")
            known += [to] if to not in known else []
    lines += ['  rt.output 0 "y", %y', "  return", "}"]
    return "\n".join(lines) + "\n"


class Interpreter:
    """Runs commands on cells that hold what they were computed from.

    Copies take place at any time at which they may.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.home: dict[str, list] = {"s": [("s", i) for i in range(4)]}
        self.near = [("nothing", i) for i in range(1 << 12)]
        self.values: dict[str, tuple] = {}  # buffer: home's name or None, first cell, cells
        self.index: dict[str, int] = {}
        self.waiting: list[tuple[int, str, str]] = []
        self.next = 1

    def cells(self, value: str) -> tuple[list, int, int]:
        name, start, count = self.values[value]
        return (self.near if name is None else self.home[name]), start, count

    def read(self, value: str) -> list:
        memory, start, count = self.cells(value)
        return memory[start : start + count]

    def write(self, value: str, content: list) -> None:
        memory, start, count = self.cells(value)
        assert len(content) == count
        memory[start : start + count] = content

    def root(self, value: str, name: str, content: str) -> None:
        self.home.setdefault(name, [(content, i) for i in range(4)])
        self.values[value] = (name, 0, 4)

    def finish_copies(self) -> None:
        """Those that have to end before the next command, or before a copy beside it, begins."""
        for move in [m for m in self.waiting if m[0] <= self.next]:
            self.write(move[2], self.read(move[1]))
            self.waiting.remove(move)

    def command(self) -> None:
        self.finish_copies()
        self.next += 1

    def line(self, text: str) -> None:
        if m := re.match(r"(%\S+) = arith.constant (\d+) : index", text):
            self.index[m[1]] = int(m[2])
        elif m := re.match(
            r'(%\S+) = hbm.buffer "(\w+)" .* in "(\w+)" live ?\[\d+, \d+\)(?: at (\d+))?', text
        ):
            if m[3] == "sram":
                assert int(m[4]) % CELL == 0
                self.values[m[1]] = (None, int(m[4]) // CELL, 4)
            else:
                self.root(m[1], m[2], "nothing")
        elif m := re.match(r"(%\S+) = rt.(?:weight|state) @(\w+)", text):
            self.root(m[1], m[2], m[2])
        elif m := re.match(r"(%\S+) = rt.arg", text):
            self.root(m[1], "x", "x")
        elif m := re.match(r"(%\S+) = hbm.alias (%\w+)(?: from (%\w+))? as", text):
            name, start, _ = self.values[m[2]]
            self.values[m[1]] = (name, start + self.index.get(m[3], 0) // CELL, 2)
        elif m := re.match(r"hbm.\w+ (%\w+) to (%\w+) channel \d+ during ?\[(\d+), (\d+)\)", text):
            # The first copies a while later, or now.
            assert int(m[3]) == self.next
            self.finish_copies()
            at = self.rng.randint(int(m[3]), int(m[4]))
            if at == self.next:
                self.write(m[2], self.read(m[1]))
            else:
                self.waiting.append((at, m[1], m[2]))
        elif m := re.match(r"rt.launch @\w+\((%\w+), (%\w+)\) -> \((%\w+)\)", text):
            self.command()
            a, b = self.read(m[1]), self.read(m[2])
            self.write(m[3], [hash((tuple(a), tuple(b), i)) for i in range(4)])
        elif m := re.match(r"rt.copy (%\w+) to (%\w+), ", text):
            self.command()
            self.write(m[2], self.read(m[1]))
        elif text.startswith("rt.output"):
            self.command()


def results(function: str, seed: int) -> list:
    machine = Interpreter(random.Random(seed))
    for line in function.splitlines():
        machine.line(line.strip())
    machine.next = 1 << 30
    machine.command()
    return [machine.home["y"], machine.home["s"]]


@pytest.mark.parametrize(("capacity", "channels"), [(3072, 1), (4096, 1), (5120, 2), (16384, 3)])
def test_values_are_the_same(tmp_path: Path, capacity: int, channels: int) -> None:
    rng = random.Random(capacity)
    functions = [random_function(rng, f"f{i}") for i in range(60)]
    text = SPACES.format(capacity=capacity, channels=channels)
    text += WEIGHT.format(name="w0") + WEIGHT.format(name="w1") + "fm.state @s : tensor<256xf32>\n"
    text += KERNEL.format(name="add", more="")
    text += KERNEL.format(name="update", more=", inplace = array<i64: 0>")
    source = tmp_path / "in.mlir"
    source.write_text(text + "".join(functions))
    run = subprocess.run(
        [
            BUILD / "bin" / "narae-opt",
            source,
            "--narae-plan-spaces",
            "--narae-plan-memory",
            "--narae-verify-memory",
        ],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    after = re.findall(r"  func\.func @(\w+)\(\) \{\n(.*?)\n  \}\n", run.stdout, re.S)
    assert [name for name, _ in after] == [f"f{i}" for i in range(60)]
    for before, (_, body) in zip(functions, after, strict=True):
        wanted = results(before, 0)
        for seed in range(3):
            assert results(body, seed) == wanted, f"{before}\n{body}"
    copies = {kind: run.stdout.count(f"hbm.{kind} ") for kind in ("prefetch", "spill", "reload")}
    assert min(copies["prefetch"], copies["spill"]) > 50, copies
    again = (
        run.stdout.count("rt.launch")
        - text.count("rt.launch")
        - sum(f.count("rt.launch") for f in functions)
    )
    if capacity < 5000:
        assert copies["reload"] > 0, copies
    if capacity == 4096:  # with room for three, every kernel needs all of it
        assert again > 0
