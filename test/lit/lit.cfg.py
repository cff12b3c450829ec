"""Tests of IR and tools: RUN lines checked by FileCheck."""

import os
from pathlib import Path

import lit.formats

# lit defines both names.
config = globals()["config"]

root = Path(__file__).resolve().parents[2]
build = Path(os.environ.get("NARAE_BUILD_DIR", root / "build"))

config.name = "Narae"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = str(root / "test" / "lit")
config.test_exec_root = str(build / "test" / "lit")

llvm = "/usr/lib/llvm-19/bin"
config.environment["PATH"] = os.pathsep.join([str(build / "bin"), llvm, os.environ["PATH"]])
config.environment["PYTHONPATH"] = str(build / "python")
config.substitutions.append(("%python", str(root / ".venv" / "bin" / "python")))
config.substitutions.append(("%root", str(root)))
config.substitutions.append(("%data", str(root / "test" / "data")))
