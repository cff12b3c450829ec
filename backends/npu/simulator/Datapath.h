//===- Datapath.h - What computes the data of instructions ---- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The seam between what a program may do and what its data becomes. The
// simulator resolves views, checks shapes, types and bounds and tracks who
// accesses which bytes; what is left is an `Operation` without anything that
// could be wrong but the values of its data. A `Datapath` holds the bytes of
// all memories and computes operations, bit for bit as docs/npu-isa.md says.
//
// There are three: `makeReferenceDatapath` element by element, in the words of
// the definition; `makeCpuDatapath` in vectors; and the one of OpenCL in
// backends/npu/opencl.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_SIMULATOR_DATAPATH_H
#define NARAE_BACKENDS_NPU_SIMULATOR_DATAPATH_H

#include "backends/npu/isa/View.h"
#include "backends/npu/machine/Machine.h"

#include <memory>

namespace narae::npu {

/// An instruction's work. Views are resolved, checked and, where they are
/// written, of elements that lie apart; those that are left out have rank 0.
struct Operation {
  explicit Operation(const Instruction &instruction)
      : instruction(instruction), opcode(instruction.opcode) {}

  /// For its choices and numbers.
  const Instruction &instruction;
  /// That of the instruction; but rows of d.gather and d.scatter come as
  /// d.copy, and v.scatter as one operation a row.
  Opcode opcode;
  View dst, dst2, a, b, c, acc;
  View scale, scale2, offset, bias, other, cos, sin;
  /// Whether v.* computes in i32 modulo 2^32, else in f32.
  bool integers = false;
  /// What stands for a, b, c where those are left out; of v.fill and v.iota
  /// start and step.
  std::array<float, 3> scalars{};
  std::array<int32_t, 3> integerScalars{};
  /// Of v.gather and v.pick, inside of their bounds.
  std::vector<int32_t> indices;
  /// Of d.fill, the type's low bits.
  uint32_t bits = 0;

  int64_t number(OperandName name) const { return instruction[name].number; }
  bool flag(OperandName name) const { return number(name) != 0; }
};

inline bool present(const View &view) { return view.rank > 0; }

enum class Outcome {
  Done,
  DivisionByZero, ///< among integers; nothing was written
  Failed,         ///< the device that computes; `Datapath::error` says why
};

class Datapath {
public:
  virtual ~Datapath() = default;
  /// The host's access. The range is inside of the memory.
  virtual Outcome write(Space space, int32_t unit, int64_t address,
                        const void *data, size_t bytes) = 0;
  virtual Outcome read(Space space, int32_t unit, int64_t address, void *data,
                       size_t bytes) = 0;
  virtual Outcome execute(const Operation &operation) = 0;
  /// Elements of an integer type, in row-major order.
  virtual Outcome readIntegers(const View &view,
                               std::vector<int32_t> &values) = 0;
  /// Waits for what was begun.
  virtual Outcome finish() { return Outcome::Done; }
  virtual std::string error() const { return ""; }
};

/// A datapath by kinds of operations.
class KindDatapath : public Datapath {
public:
  Outcome execute(const Operation &operation) override;

protected:
  /// What came of the operations so far.
  virtual Outcome outcome() const { return Outcome::Done; }
  virtual void matmul(const Operation &operation) = 0;
  virtual void convolution(const Operation &operation) = 0;
  virtual void drain(const Operation &operation) = 0;
  virtual void loadAccumulators(const Operation &operation) = 0;
  /// v.* but those below.
  virtual Outcome byElement(const Operation &operation) = 0;
  virtual void series(const Operation &operation) = 0; ///< v.fill, v.iota
  virtual void reduce(const Operation &operation) = 0;
  virtual void scan(const Operation &operation) = 0;
  virtual void topK(const Operation &operation) = 0;
  virtual void byIndex(const Operation &operation) = 0; ///< v.gather, v.pick
  virtual void scatterRow(const Operation &operation) = 0;
  virtual void rotary(const Operation &operation) = 0;
  virtual void copy(const Operation &operation) = 0;
  virtual void fill(const Operation &operation) = 0; ///< d.fill
};

/// Element by element: slow, and what the others are compared with.
std::unique_ptr<Datapath> makeReferenceDatapath(const Machine &machine);
/// With the vector instructions of this CPU.
std::unique_ptr<Datapath> makeCpuDatapath(const Machine &machine);
/// The same without asking the CPU, where it has the instructions: "portable",
/// "avx2", "avx512". Null where it has not.
std::unique_ptr<Datapath> makeCpuDatapath(const Machine &machine,
                                          const std::string &instructions);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_SIMULATOR_DATAPATH_H
