//===- Object.h - Kernels of an NPU, compiled ----------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the compiler hands to the runtime: for each kernel a program, and how a
// launch (buffers and integers) becomes the program's parameters. No LLVM.
//
// Addresses. The runtime hands out addresses of one flat space: the pool of
// DRAM in the bits from `poolShift` on, the offset in the pool below. A buffer
// lies in one pool; buffers are aligned to `bufferAlignment`. Every buffer is
// row-major, in the layout of the model's types: i1 a byte, i64 eight bytes.
//
// Shapes. A launch passes the kernel's integers (dimensions) in order. All that
// follows from them - strides, trip counts, sizes of tiles - is arithmetic in
// `Kernel::numbers`, which the host does once a launch, so that streams stay
// short and one program serves all lengths.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_OBJECT_OBJECT_H
#define NARAE_BACKENDS_NPU_OBJECT_OBJECT_H

#include "backends/npu/isa/Program.h"

namespace narae::npu {

constexpr uint16_t objectMajor = 1;
constexpr uint16_t objectMinor = 0;

/// The flat address of byte `offset` of a pool: pool << poolShift | offset.
constexpr int poolShift = 40;
/// Bytes that addresses of buffers, scratch memory and constants are multiples
/// of.
constexpr uint64_t bufferAlignment = 64;

inline uint64_t flatAddress(int64_t pool, uint64_t offset) {
  return uint64_t(pool) << poolShift | offset;
}
inline int64_t poolOf(uint64_t address) {
  return int64_t(address >> poolShift);
}
inline uint64_t offsetOf(uint64_t address) {
  return address & ((uint64_t(1) << poolShift) - 1);
}

enum class NumberKind : uint8_t {
  Constant, ///< `value`
  Param,    ///< integer `a` of the launch
  Pool,     ///< of the address of buffer `a`
  Offset,   ///< of the address of buffer `a`
  // Of the numbers a and b, modulo 2^64.
  Add,
  Sub,
  Mul,
  FloorDiv, ///< rounded down; 0 where b is 0
  CeilDiv,  ///< rounded up; 0 where b is 0
  Mod,      ///< a - b * floor(a / b); 0 where b is 0
  Min,
  Max,
  Equal,  ///< 1 or 0
  Less,   ///< 1 or 0
  Select, ///< number b where a is not 0, else c
};
constexpr int numberKinds = 15;

/// One step of a launch's arithmetic. `a`, `b`, `c` are earlier numbers, or
/// what the kind says.
struct Number {
  NumberKind kind = NumberKind::Constant;
  uint32_t a = 0, b = 0, c = 0;
  int64_t value = 0;

  bool operator==(const Number &o) const {
    return kind == o.kind && a == o.a && b == o.b && c == o.c &&
           value == o.value;
  }
};

/// What a launch must meet: number `number` is not 0.
struct Requirement {
  uint32_t number = 0;
  std::string message; ///< for the user: what is wrong, and a way out
};

/// A kernel: buffers are numbered inputs first, then results, as a launch
/// passes them; buffer `buffers` is the launch's scratch memory, and buffer
/// `buffers + 1` the kernel's constants.
struct Kernel {
  std::string name;
  uint32_t buffers = 0;
  uint32_t params = 0; ///< integers of a launch
  std::vector<Number> numbers;
  /// For each parameter of the program the number that it is bound to.
  std::vector<uint32_t> bindings;
  std::vector<Requirement> requirements;
  /// Bytes that must be in device memory; the runtime copies them at load.
  std::vector<uint8_t> constants;
  Program program;
};

struct Object {
  /// Machine::hash() of the machine that all programs are made for.
  uint64_t machineHash = 0;
  std::vector<Kernel> kernels;
};

/// The bytes of an object ("npu" objects of an artifact): the same object gives
/// the same bytes.
std::vector<uint8_t> writeObject(const Object &object);
/// Reads untrusted bytes: everything but the words of programs is checked
/// (sizes, references, hash); for words see `verify`.
Expected<Object> readObject(const uint8_t *data, size_t size);

/// The parameters of a kernel's program for a launch. `buffers` has the flat
/// addresses of all buffers, scratch memory and constants last (0 where there
/// are none). Fails with the message of a requirement that is not met, or
/// where counts do not fit; allocates nothing once `values` and `result` have
/// grown.
Status bindLaunch(const Kernel &kernel, const uint64_t *buffers,
                  size_t bufferCount, const int64_t *params, size_t paramCount,
                  std::vector<int64_t> &values, std::vector<int64_t> &result);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_OBJECT_OBJECT_H
