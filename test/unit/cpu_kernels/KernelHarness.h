//===- KernelHarness.h - Kernels from text, compiled and run ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Used by the tests and the benchmark of the CPU's kernels. Buffers end where
// the next page cannot be touched, so that reads and writes past them are
// found.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_CPU_KERNELS_KERNELHARNESS_H
#define NARAE_TEST_UNIT_CPU_KERNELS_KERNELHARNESS_H

#include "dialects/rt/RtDialect.h"
#include "narae/backend.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace narae::test {

/// Dimensions as text: numbers, or expressions of s0, s1, ...
struct TensorText {
  std::vector<std::string> dims;
  std::string element = "f32";

  std::string type() const;
  std::string map(int symbols) const;
};

/// A kernel; its arguments are %a0, %a1, ...
struct KernelText {
  std::string name = "kernel";
  int symbols = 0;
  std::vector<TensorText> args, results;
  std::string body; ///< without the yield
  std::vector<std::string> yields;

  std::string str() const;
  /// "(types of operands) -> type" for an op on arguments.
  static std::string signature(const std::vector<TensorText> &operands,
                               const TensorText &result);
};

/// Memory whose end is the end of a page.
class Buffer {
public:
  explicit Buffer(size_t bytes);
  Buffer(Buffer &&other)
      : base(other.base), size(other.size), start(other.start) {
    other.base = nullptr;
  }
  ~Buffer();
  float *floats() const { return static_cast<float *>(start); }
  void *data() const { return start; }

private:
  void *base;
  size_t size;
  void *start;
};

/// Values that differ and are exact in few bits.
std::vector<float> values(size_t count, unsigned seed);

class Kernels {
public:
  Kernels(const std::string &text, const std::string &target);
  ~Kernels();

  bool ok() const { return errors.empty(); }
  rt::KernelOp kernel(const std::string &name = "kernel");
  std::string emitter(const std::string &name = "kernel");
  NaraeHostKernelFn function(const std::string &name = "kernel");
  /// Bytes of scratch memory of a part.
  int64_t scratchBytes(const std::string &name,
                       const std::vector<int64_t> &params);
  /// Runs all parts one after the other on copies of the inputs; returns the
  /// output. Several outputs follow each other.
  std::vector<float> run(const std::vector<std::vector<float>> &inputs,
                         const std::vector<size_t> &outputs,
                         const std::vector<int64_t> &params, int64_t parts,
                         const std::string &name = "kernel");

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string object, errors;

private:
  void *handle = nullptr;
};

/// The targets that this machine runs: 256-bit vectors, and 512-bit ones
/// with masks where it has them.
std::vector<std::string> hostTargets();

} // namespace narae::test

#endif // NARAE_TEST_UNIT_CPU_KERNELS_KERNELHARNESS_H
