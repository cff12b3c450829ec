"""Time and quality of the memory planner, beside greedy orders and OR-Tools.

Problems: CSV files (MiniMalloc's by default), random perfect packings, and a
transformer's buffers. Ratios are peaks over the lower bound; times are the
median of the rounds, in milliseconds of one process. OR-Tools' CP-SAT is timed where it is
installed (`pip install ortools`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "build" / "python"))

from narae import memory  # noqa: E402
from narae.memory import Buffer, Problem  # noqa: E402

# What the planner is held to: mean and worst ratio by the most buffers, and milliseconds.
LIMITS = {50: (1.01, 1.01, 50.0), 300: (1.02, 1.05, 50.0)}
PATTERNS = ("cuts", "spirals", "heap")


def transformer(layers: int, tokens: int = 128, width: int = 64) -> Problem:
    """Activations of a chain of attention and feed-forward blocks, 10 buffers a layer."""
    buffers: list[Buffer] = []
    time_now, unit = 0, tokens * width

    def add(name: str, lower: int, upper: int, size: int) -> None:
        buffers.append(Buffer(f"{layer}.{name}", time_now + lower, time_now + upper, size, 64))

    for layer in range(layers):
        add("residual", 0, 12, 4 * unit)
        add("norm", 1, 5, 4 * unit)
        for i, name in enumerate("qkv"):
            add(name, 2 + i, 6, 4 * unit)
        add("scores", 5, 8, 4 * tokens * tokens)
        add("mixed", 7, 9, 4 * unit)
        add("middle", 8, 12, 4 * unit)
        add("gate", 9, 11, 16 * unit + 64 * (layer % 7))
        add("up", 10, 12, 16 * unit)
        time_now += 11
    return Problem(buffers)


def cp_sat(problem: Problem, seconds: float) -> int | None:
    """The peak that OR-Tools finds in so many seconds; None without one."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    limit = sum(buffer.size for buffer in problem.buffers)
    peak = model.new_int_var(memory.lower_bound(problem), limit, "peak")
    times, places = [], []
    for i, buffer in enumerate(problem.buffers):
        offset = model.new_int_var(0, limit, f"o{i}")
        end = model.new_int_var(0, limit, f"e{i}")
        length = buffer.upper - buffer.lower
        times.append(model.new_fixed_size_interval_var(buffer.lower, length, f"t{i}"))
        places.append(model.new_interval_var(offset, buffer.size, end, f"p{i}"))
        model.add(end <= peak)
    model.add_no_overlap_2d(times, places)
    model.minimize(peak)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    status = solver.solve(model)
    return (
        round(solver.objective_value) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
    )


def measure(problem: Problem, rounds: int, budget: int | None) -> dict[str, Any]:
    trace = memory.Trace()
    memory.allocate(problem, budget=0, observer=trace)
    orders: dict[str, int] = {}
    for decision in trace.decisions:
        if decision["kind"] == "tried" and decision["peak"] is not None:
            name = decision["strategy"]
            orders[name] = max(orders.get(name, 0), decision["peak"])
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        solution = memory.allocate(problem, budget=budget)
        times.append(1e3 * (time.perf_counter() - begin))
    defects = [e for e in memory.verify(problem, solution) if "exceeds the capacity" not in e]
    if defects:
        raise SystemExit(f"wrong plan: {defects[0]}")
    greedy = memory.allocate(problem, budget=0).peak
    return {
        "buffers": len(problem.buffers),
        "lower_bound": solution.lower_bound,
        "ratio": solution.spaces[0].ratio,
        "fits": solution.fits,
        "strategy": solution.spaces[0].strategy,
        "ms": statistics.median(times),
        "greedy_ratio": greedy / solution.lower_bound,
        "orders": orders,
    }


def missed(ratios: list[float], times: list[float], limits: tuple[float, float, float]) -> str:
    """How many problems miss the limits, as text; empty when none does."""
    mean, worst, longest = limits
    over, late = sum(r > worst for r in ratios), sum(t > longest for t in times)
    text = f"; {over} of {len(ratios)} over {worst:.2f}" if over else ""
    text += f"; {late} took more than {longest:.0f} ms" if late else ""
    return text + (f"; mean over {mean:.2f}" if statistics.mean(ratios) > mean else "")


def show(name: str, row: dict[str, Any]) -> None:
    peer = f"  cp-sat {row['cp_sat_ratio']:.4f}" if row.get("cp_sat_ratio") else ""
    print(
        f"{name:24} {row['buffers']:7} buffers  {row['ratio']:.4f} of the bound  "
        f"{row['ms']:8.1f} ms  greedy {row['greedy_ratio']:.4f}{peer}"
        f"{'' if row['fits'] else '  does not fit'}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problems", nargs="*", type=Path, help="CSV files")
    parser.add_argument("--capacity", type=int, default=1048576, help="of the CSV files")
    parser.add_argument("--random", type=int, default=30, help="random problems of each pattern")
    parser.add_argument("--large", type=int, default=100_000, help="buffers of a transformer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=None, help="steps (the library's default)")
    parser.add_argument("--cp-sat", type=float, default=0, help="seconds for OR-Tools a problem")
    parser.add_argument("--json", type=Path, help="writes all figures")
    args = parser.parse_args()
    if args.cp_sat and importlib.util.find_spec("ortools") is None:
        raise SystemExit("--cp-sat needs OR-Tools: pip install ortools")
    paths = args.problems or sorted((ROOT / "test" / "data" / "minimalloc").glob("*.csv"))
    results: dict[str, Any] = {}

    def run(name: str, problem: Problem, rounds: int) -> dict[str, Any]:
        row = results[name] = measure(problem, rounds, args.budget)
        if args.cp_sat and len(problem.buffers) <= 1000:
            found = cp_sat(problem, args.cp_sat)
            row["cp_sat_ratio"] = found / row["lower_bound"] if found else None
        return row

    for path in paths:
        show(path.stem, run(path.stem, memory.read_csv(path, capacity=args.capacity), args.rounds))
    for pattern in PATTERNS:
        for low, high in ((3, 50), (50, 300)):
            rows = []
            for seed in range(args.random):
                count = low + 37 * seed % (high - low + 1)
                problem, _ = memory.random_problem(count, seed=seed, pattern=pattern)
                problem.spaces[0].capacity = None
                rows.append(run(f"{pattern}-{count}-{seed}", problem, 1))
            if rows:
                ratios = [row["ratio"] for row in rows]
                times = [row["ms"] for row in rows]
                print(
                    f"{pattern:8} {low:3}-{high:3} buffers: mean {statistics.mean(ratios):.4f} of "
                    f"the bound, worst {max(ratios):.4f}; mean {statistics.mean(times):.1f} ms, "
                    f"longest {max(times):.1f}{missed(ratios, times, LIMITS[high])}"
                )
    if args.large:
        show("transformer", run("transformer", transformer(args.large // 10), 1))
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
