//===- Types.cpp - Element types as artifacts store them -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Types.h"

#include <cstring>

using namespace narae::artifact;

namespace {
struct TypeInfo {
  const char *name;
  uint8_t size;
  uint16_t elements = 1;
};
} // namespace

// In the order of `narae_type`, which never changes.
static const TypeInfo types[] = {
    {"?", 0},           {"f32", 4},         {"f64", 8},
    {"f16", 2},         {"bf16", 2},        {"i8", 1},
    {"i16", 2},         {"i32", 4},         {"i64", 8},
    {"u8", 1},          {"u16", 2},         {"u32", 4},
    {"u64", 8},         {"bool", 1},        {"f8e4m3fn", 1},
    {"f8e5m2", 1},      {"f8e4m3fnuz", 1},  {"f8e5m2fnuz", 1},
    {"f8e8m0", 1},      {"i4", 1},          {"u4", 1},
    {"i2", 1},          {"u2", 1},          {"f4e2m1", 1},
    {"string", 8},      {"q4_0", 18, 32},   {"q4_1", 20, 32},
    {"q5_0", 22, 32},   {"q5_1", 24, 32},   {"q8_0", 34, 32},
    {"q2_k", 84, 256},  {"q3_k", 110, 256}, {"q4_k", 144, 256},
    {"q5_k", 176, 256}, {"q6_k", 210, 256}, {"iq4_nl", 18, 32}};
static constexpr unsigned typeCount = sizeof(types) / sizeof(types[0]);

size_t narae::artifact::typeSize(unsigned type) {
  return type < typeCount ? types[type].size : 0;
}

int64_t narae::artifact::blockElements(unsigned type) {
  return type < typeCount ? types[type].elements : 1;
}

const char *narae::artifact::typeName(unsigned type) {
  return type < typeCount ? types[type].name : "?";
}

unsigned narae::artifact::typeFromName(const char *name, size_t size) {
  for (unsigned type = 1; type < typeCount; ++type)
    if (std::strlen(types[type].name) == size &&
        std::memcmp(types[type].name, name, size) == 0)
      return type;
  return 0;
}

bool narae::artifact::byteSize(const int64_t *dims, size_t rank,
                               size_t elementSize, int64_t &bytes) {
  bool empty = false, overflow = false;
  bytes = static_cast<int64_t>(elementSize);
  for (size_t i = 0; i < rank; ++i) {
    if (dims[i] < 0)
      return false;
    empty |= dims[i] == 0;
    overflow |= __builtin_mul_overflow(bytes, dims[i], &bytes);
  }
  if (empty)
    bytes = 0;
  return empty || !overflow;
}

bool narae::artifact::tensorBytes(const int64_t *dims, size_t rank,
                                  unsigned type, int64_t &bytes) {
  int64_t elements = blockElements(type);
  if (elements == 1 || rank == 0)
    return byteSize(dims, rank, typeSize(type), bytes);
  int64_t rows = 0, last = dims[rank - 1];
  if (last < 0 || !byteSize(dims, rank - 1, typeSize(type), rows))
    return false;
  int64_t blocks = last / elements + (last % elements != 0);
  bytes = 0;
  return !rows || !blocks || !__builtin_mul_overflow(rows, blocks, &bytes);
}
