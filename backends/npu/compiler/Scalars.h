//===- Scalars.h - Numbers that streams compute ---------------- -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes, strides and addresses of tiles, as nodes of a graph: constants,
// numbers of a launch (expressions over the kernel's dimensions, which the host
// computes), registers of loops, and arithmetic on them. Arithmetic on what the
// host knows is the host's; the rest is done in registers, by each stream that
// needs it and where it needs it.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_SCALARS_H
#define NARAE_BACKENDS_NPU_COMPILER_SCALARS_H

#include "backends/npu/object/Object.h"
#include "dialects/rt/KernelScope.h"

#include <map>
#include <tuple>

namespace narae::npu {

using fm::Expr;

/// The numbers of a launch and the parameters of a program that some are bound
/// to, made on demand: each once.
class LaunchNumbers {
public:
  explicit LaunchNumbers(fm::SymbolicScope &scope) : scope(scope) {}

  /// The number of an expression over the kernel's symbols. Records a problem
  /// where it depends on what the kernel reads.
  uint32_t number(Expr expr);
  uint32_t number(NumberKind kind, uint32_t a, uint32_t b = 0, uint32_t c = 0,
                  int64_t value = 0);
  /// The parameter of the program that is bound to a number.
  uint32_t parameter(uint32_t number);

  std::vector<Number> numbers;
  std::vector<uint32_t> bindings;
  std::string problem;

private:
  fm::SymbolicScope &scope;
  llvm::DenseMap<Expr, uint32_t> known;
  std::map<std::tuple<NumberKind, uint32_t, uint32_t, uint32_t, int64_t>,
           uint32_t>
      made;
  std::map<uint32_t, uint32_t> bound;
};

/// A node of the graph.
using Scalar = uint32_t;

enum class ScalarKind : uint8_t {
  Constant, ///< value
  Host,     ///< number `value` of the launch
  Pinned,   ///< a register that a loop keeps: loop `value`, what `a`
  Loaded,   ///< element `a` of i64 buffer `value`; DMA streams read it
  Add,
  Sub,
  Mul,
  Div, ///< rounded down
  Rem,
  Min,
  Max,
};
/// What of a loop is in a register.
enum class LoopValue : uint32_t {
  Index, ///< counts what this core does
  Item,  ///< number of the item among those of all cores
  Slot,  ///< bytes from the first copy of the loop's buffers
};

struct ScalarNode {
  ScalarKind kind;
  Scalar a = 0, b = 0;
  int64_t value = 0;
  Expr expr; ///< of a Host that is one

  bool operator<(const ScalarNode &o) const {
    return std::tie(kind, a, b, value) < std::tie(o.kind, o.a, o.b, o.value);
  }
};

class Scalars {
public:
  Scalars(fm::SymbolicScope &scope, LaunchNumbers &numbers)
      : scope(scope), numbers(numbers) {}

  Scalar constant(int64_t value);
  /// An expression over the kernel's dimensions.
  Scalar host(Expr expr);
  Scalar pool(uint32_t buffer);
  Scalar offset(uint32_t buffer);
  Scalar pinned(unsigned loop, LoopValue what);
  /// Element `index` of an i64 tensor of the launch, as 32 bits. Only streams
  /// of DMA (loads, stores) reach it.
  Scalar loaded(uint32_t buffer, Scalar index);
  Scalar add(Scalar a, Scalar b);
  Scalar sub(Scalar a, Scalar b);
  Scalar mul(Scalar a, Scalar b);
  Scalar div(Scalar a, Scalar b);
  Scalar rem(Scalar a, Scalar b);
  Scalar min(Scalar a, Scalar b);
  Scalar max(Scalar a, Scalar b);

  const ScalarNode &node(Scalar s) const { return nodes[s]; }
  std::optional<int64_t> constantOf(Scalar s) const;
  /// The expression, where the host knows it by one; else null.
  Expr exprOf(Scalar s) const;
  fm::SymbolicScope &symbols() { return scope; }

private:
  Scalar make(ScalarNode node);
  Scalar fold(ScalarKind kind, Scalar a, Scalar b);
  fm::SymbolicScope &scope;
  LaunchNumbers &numbers;
  std::vector<ScalarNode> nodes;
  std::map<ScalarNode, Scalar> made;
};

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_SCALARS_H
