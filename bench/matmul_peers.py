"""Times f32 matrix products beside MKL and NumPy's BLAS, the right side a weight.

Each number of threads gets a process of its own, since BLAS libraries read it
when they are loaded. In it the engines take turns on the same matrices, after
their results were compared with float64, and each begins when the threads of
the one before have gone to sleep. Narae's weight is packed when it is
compiled; MKL's beforehand with `cblas_sgemm_pack` (and without, to compare).

MKL is taken from where `--mkl` says or from this Python's `lib` folder
(`pip install mkl`); without it, NumPy's BLAS is the peer.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "build" / "python")]

Product = Callable[[], np.ndarray]
# Threads of OpenMP wait for more work in a loop for 0.2 s, those of OpenBLAS for
# 2^26 ticks: whoever came next would have to share a core with them.
QUIET = 0.3
ROW_MAJOR, NO_TRANSPOSE, PACKED, B_MATRIX = 101, 111, 151, 162


def with_narae(a: np.ndarray, b: np.ndarray, threads: int) -> Product:
    import narae
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, a.shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (len(a), b.shape[1]))
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "product", [x], [y], [numpy_helper.from_array(b, "w")])
    session = narae.Session(narae.compile(helper.make_model(graph)), threads=threads)
    out = np.empty((len(a), b.shape[1]), np.float32)

    def run() -> np.ndarray:
        session.run({"x": a}, outputs={"y": out})
        return out

    return run


def with_numpy(a: np.ndarray, b: np.ndarray) -> Product:
    out = np.empty((len(a), b.shape[1]), np.float32)
    return lambda: np.matmul(a, b, out=out)


def find_mkl(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("libmkl_rt.so*"))), None)


def with_mkl(library: Path, a: np.ndarray, b: np.ndarray) -> dict[str, Product]:
    """MKL with the right side packed beforehand, and as it is."""
    # Its threads; the library finds its other parts beside itself.
    if (threads := library.parent / "libiomp5.so").exists():
        ctypes.CDLL(str(threads), mode=ctypes.RTLD_GLOBAL)
    mkl = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    (m, k), n = a.shape, b.shape[1]
    integer, number, pointer = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    mkl.cblas_sgemm_pack_get_size.restype = ctypes.c_size_t
    size = mkl.cblas_sgemm_pack_get_size(B_MATRIX, m, n, k)
    packed = np.empty(size + 64, np.uint8)
    panels = pointer(-(-packed.ctypes.data // 64) * 64)
    mkl.cblas_sgemm_pack(
        *map(integer, (ROW_MAJOR, B_MATRIX, NO_TRANSPOSE, m, n, k)),
        number(1), pointer(b.ctypes.data), integer(n), panels,
    )  # fmt: skip
    out = np.empty((m, n), np.float32)
    left, right, result = (pointer(x.ctypes.data) for x in (a, b, out))

    def run_packed(keep: np.ndarray = packed) -> np.ndarray:
        mkl.cblas_sgemm_compute(
            *map(integer, (ROW_MAJOR, NO_TRANSPOSE, PACKED, m, n, k)), left, integer(k),
            panels, integer(n), number(0), result, integer(n),
        )  # fmt: skip
        return out

    def run_plain() -> np.ndarray:
        mkl.cblas_sgemm(
            *map(integer, (ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, m, n, k)), number(1), left,
            integer(k), right, integer(n), number(0), result, integer(n),
        )  # fmt: skip
        return out

    return {"mkl packed": run_packed, "mkl": run_plain}


def measure(size: tuple[int, int, int], threads: int, seconds: float, mkl: Path | None) -> None:
    m, n, k = size
    random = np.random.default_rng(0)
    a = random.standard_normal((m, k), np.float32)
    b = random.standard_normal((k, n), np.float32)
    runs = {"narae": with_narae(a, b, threads), "numpy": with_numpy(a, b)}
    if mkl:
        runs |= with_mkl(mkl, a, b)
    want = a.astype(np.float64) @ b.astype(np.float64)
    best = dict.fromkeys(runs, float("inf"))
    for name, run in runs.items():
        error = float(np.abs(run() - want).max() / np.abs(want).max())
        if error > 1e-5:
            raise SystemExit(f"{name}: differs by {error:.2g} from float64")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, run in runs.items():
            time.sleep(QUIET)
            for turn in range(9):  # the first finds the caches of another engine
                begin = time.perf_counter()
                run()
                if turn:
                    best[name] = min(best[name], time.perf_counter() - begin)
    rates = {name: 2e-9 * m * n * k / best[name] for name in runs}
    cells = [f"{rates[name]:.0f}" for name in runs]
    ratios = [f"{rates['narae'] / rates[name]:.2f}" for name in list(runs)[1:]]
    if threads == 1 and not os.environ.get("NARAE_BENCH_QUIET"):
        print("| m n k | threads | " + " | ".join(f"{name} GFLOP/s" for name in runs), end="")
        print(" | " + " | ".join(f"narae / {name}" for name in list(runs)[1:]) + " |")
        print("|---" * (2 + len(cells) + len(ratios)) + "|")
    print(f"| {m} {n} {k} | {threads} | " + " | ".join(cells + ratios) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["1024,1024,1024"], help="m,n,k")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=6, help="for each line")
    parser.add_argument("--mkl", type=Path, default=Path(sys.prefix) / "lib", help="a folder")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for text in options.sizes:
        size = tuple(map(int, text.split(",")))
        for threads in options.threads:
            if options.child:
                measure(size, threads, options.seconds, find_mkl(options.mkl))
                continue
            names = ("OMP", "MKL", "OPENBLAS")
            count = {f"{name}_NUM_THREADS": str(threads) for name in names}
            quiet = {"NARAE_BENCH_QUIET": "1"} if text != options.sizes[0] else {}
            subprocess.run(
                [sys.executable, __file__, "--child", "--sizes", text, "--threads", str(threads),
                 "--seconds", str(options.seconds), "--mkl", str(options.mkl)],
                env={**os.environ, **count, **quiet}, check=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
