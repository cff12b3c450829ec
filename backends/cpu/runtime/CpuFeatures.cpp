//===- CpuFeatures.cpp - What the host's CPU can do ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bits from Intel's Software Developer's Manual, volume 2A, CPUID; levels
// from the x86-64 psABI, table 3.1.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/runtime/CpuFeatures.h"

#include <algorithm>
#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace narae;

namespace {
enum Register { EAX, EBX, ECX, EDX };
/// What the operating system must save for a feature (bits of XCR0).
enum State : uint32_t { None = 0, Ymm = 0x6, Zmm = 0xe6, Tiles = 0x60000 };

struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  Register reg;
  uint32_t bit;
  State state;
};
} // namespace

static const Feature features[] = {
    {"sse3", 1, 0, ECX, 0, None},
    {"pclmul", 1, 0, ECX, 1, None},
    {"ssse3", 1, 0, ECX, 9, None},
    {"fma", 1, 0, ECX, 12, Ymm},
    {"cx16", 1, 0, ECX, 13, None},
    {"sse4.1", 1, 0, ECX, 19, None},
    {"sse4.2", 1, 0, ECX, 20, None},
    {"movbe", 1, 0, ECX, 22, None},
    {"popcnt", 1, 0, ECX, 23, None},
    {"aes", 1, 0, ECX, 25, None},
    {"xsave", 1, 0, ECX, 26, None},
    {"avx", 1, 0, ECX, 28, Ymm},
    {"f16c", 1, 0, ECX, 29, Ymm},
    {"rdrnd", 1, 0, ECX, 30, None},
    {"fsgsbase", 7, 0, EBX, 0, None},
    {"bmi", 7, 0, EBX, 3, None},
    {"avx2", 7, 0, EBX, 5, Ymm},
    {"bmi2", 7, 0, EBX, 8, None},
    {"avx512f", 7, 0, EBX, 16, Zmm},
    {"avx512dq", 7, 0, EBX, 17, Zmm},
    {"rdseed", 7, 0, EBX, 18, None},
    {"adx", 7, 0, EBX, 19, None},
    {"avx512ifma", 7, 0, EBX, 21, Zmm},
    {"avx512cd", 7, 0, EBX, 28, Zmm},
    {"sha", 7, 0, EBX, 29, None},
    {"avx512bw", 7, 0, EBX, 30, Zmm},
    {"avx512vl", 7, 0, EBX, 31, Zmm},
    {"avx512vbmi", 7, 0, ECX, 1, Zmm},
    {"avx512vbmi2", 7, 0, ECX, 6, Zmm},
    {"gfni", 7, 0, ECX, 8, None},
    {"vaes", 7, 0, ECX, 9, Ymm},
    {"vpclmulqdq", 7, 0, ECX, 10, Ymm},
    {"avx512vnni", 7, 0, ECX, 11, Zmm},
    {"avx512bitalg", 7, 0, ECX, 12, Zmm},
    {"avx512vpopcntdq", 7, 0, ECX, 14, Zmm},
    {"amx-bf16", 7, 0, EDX, 22, Tiles},
    {"avx512fp16", 7, 0, EDX, 23, Zmm},
    {"amx-tile", 7, 0, EDX, 24, Tiles},
    {"amx-int8", 7, 0, EDX, 25, Tiles},
    {"avxvnni", 7, 1, EAX, 4, Ymm},
    {"avx512bf16", 7, 1, EAX, 5, Zmm},
    {"amx-fp16", 7, 1, EAX, 21, Tiles},
    {"avxifma", 7, 1, EAX, 23, Ymm},
    {"avxvnniint8", 7, 1, EDX, 4, Ymm},
    {"avxneconvert", 7, 1, EDX, 5, Ymm},
    {"sahf", 0x80000001, 0, ECX, 0, None},
    {"lzcnt", 0x80000001, 0, ECX, 5, None},
    {"prfchw", 0x80000001, 0, ECX, 8, None},
};

#if defined(__x86_64__)
/// State components that the operating system saves (XGETBV 0).
static uint32_t savedState() {
  uint32_t regs[4];
  if (!__get_cpuid(1, &regs[0], &regs[1], &regs[2], &regs[3]) ||
      !(regs[ECX] & (1u << 27)))
    return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static std::vector<std::string> probe() {
  std::vector<std::string> found;
  uint32_t saved = savedState();
  for (const Feature &feature : features) {
    uint32_t regs[4];
    if (!__get_cpuid_count(feature.leaf, feature.subleaf, &regs[0], &regs[1],
                           &regs[2], &regs[3]))
      continue;
    if ((regs[feature.reg] >> feature.bit & 1) &&
        (saved & feature.state) == feature.state)
      found.push_back(feature.name);
  }
  return found;
}

bool cpu::requestTiles() {
  constexpr long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}
#else
static std::vector<std::string> probe() { return {}; }
bool cpu::requestTiles() { return false; }
#endif

const std::vector<std::string> &cpu::hostFeatures() {
  static const std::vector<std::string> found = probe();
  return found;
}

std::vector<std::string> cpu::featuresOfChip(const std::string &chip) {
  static const char *const levels[] = {"x86-64", "x86-64-v2", "x86-64-v3",
                                       "x86-64-v4"};
  static const std::vector<std::string> added[] = {
      {},
      {"cx16", "sahf", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3"},
      {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave"},
      {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}};
  std::vector<std::string> result;
  for (size_t level = 0; level < 4; ++level) {
    result.insert(result.end(), added[level].begin(), added[level].end());
    if (chip == levels[level])
      return result;
  }
  return {};
}

std::string cpu::hostChip() {
  for (const char *chip : {"x86-64-v4", "x86-64-v3", "x86-64-v2"})
    if (missingFeatures(featuresOfChip(chip)).empty())
      return chip;
  return "x86-64";
}

/// A feature's name without the signs that spellings differ in.
static std::string canonical(const std::string &name) {
  std::string result;
  for (char c : name)
    if (c != '_' && c != '-' && c != '+' && c != '.')
      result += c;
  return result;
}

std::vector<std::string>
cpu::missingFeatures(const std::vector<std::string> &wanted) {
  std::vector<std::string> missing;
  for (const std::string &name : wanted) {
    // "-name" switches a feature off, and every x86-64 has these.
    if (name.empty() || name[0] == '-' || name == "sse" || name == "sse2" ||
        name == "mmx" || name == "fxsr" || name == "cmov" || name == "cx8" ||
        name == "64bit" || name == "x87" || name == "crc32")
      continue;
    bool found = std::any_of(
        hostFeatures().begin(), hostFeatures().end(),
        [&](const std::string &f) { return canonical(f) == canonical(name); });
    if (!found)
      missing.push_back(name);
  }
  return missing;
}
