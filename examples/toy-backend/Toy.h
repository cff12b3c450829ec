//===- Toy.h - The toy's instruction set ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The toy computes on f32 tensors of up to six dimensions. Each instruction
// makes a new value, whose shape follows from those of its operands. An object
// is a sequence of 64-bit words, and a list is its length and then its words:
//
//   magic, checksum of what follows, then for each kernel:
//     list of letters (the name), number of parameters,
//     number of inputs, and for each of them
//       list of dimensions: a size, or -1 - i for parameter i of the launch,
//     number of instructions, and for each of them
//       opcode, list of operands, list of dimensions (of `view` and
//       `constant`), list of the elements' bits (of `constant`),
//     list of outputs.
//
// Values are numbered: the inputs, then the result of each instruction.
//
//===----------------------------------------------------------------------===//

#ifndef TOY_H
#define TOY_H

#include "narae/backend.h"

#include <cstddef>
#include <vector>

// [snippet: format]
namespace toy {
enum : int64_t { kMagic = 0x31594f54, kMaxRank = 6, kMaxSize = 1 << 24 };
enum : uint64_t { kMemoryBytes = 64 << 20 };

/// Opcodes are places in this list.
inline constexpr const char *kOpNames[] = {
    "constant", "neg",     "abs",  "sqrt",   "exp",      "tanh",
    "relu",     "sigmoid", "view", "add",    "sub",      "mul",
    "div",      "max",     "min",  "matmul", "matmul_nt"};
enum Op : int64_t {
  Constant,
  Neg,
  View = 8,
  Add,
  Matmul = 15,
  MatmulNT,
  OpCount
};

/// Operands that an instruction has; a product may have a bias more.
inline size_t operandCount(int64_t op) {
  return op == Constant ? 0 : op < Add ? 1 : 2;
}

/// FNV-1a of what follows, which tells objects that were damaged from others.
inline int64_t checksum(const std::vector<int64_t> &words) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 2; i < words.size(); ++i)
    hash = (hash ^ uint64_t(words[i])) * 0x100000001b3;
  return int64_t(hash);
}

inline constexpr char kTarget[] =
    R"({"backend": "toy", "name": "toy", "memory": [{"name": "toy",
        "capacity": 67108864, "assumed": true, "source": "Toy.h"}]})";
} // namespace toy
// [end]

extern const NaraeBackendCompiler toyCompiler;

#endif // TOY_H
