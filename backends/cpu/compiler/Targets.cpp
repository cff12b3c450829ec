//===- Targets.cpp - The CPUs that code is made for -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/Targets.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

#include <sys/syscall.h>
#include <unistd.h>

using namespace narae;
using namespace narae::cpu;
using llvm::StringRef;

/// Features that code generation profits from, in the order of the target
/// description, with the level of the x86-64 ABI that has them (5: none).
static const struct {
  StringRef name;
  int level;
} knownFeatures[] = {
    {"cx16", 2},         {"sahf", 2},         {"popcnt", 2},
    {"sse3", 2},         {"sse4.1", 2},       {"sse4.2", 2},
    {"ssse3", 2},        {"avx", 3},          {"avx2", 3},
    {"bmi", 3},          {"bmi2", 3},         {"f16c", 3},
    {"fma", 3},          {"lzcnt", 3},        {"movbe", 3},
    {"xsave", 3},        {"avx512f", 4},      {"avx512bw", 4},
    {"avx512cd", 4},     {"avx512dq", 4},     {"avx512vl", 4},
    {"avx512ifma", 5},   {"avx512vbmi", 5},   {"avx512vbmi2", 5},
    {"avx512vnni", 5},   {"avx512bitalg", 5}, {"avx512vpopcntdq", 5},
    {"avx512bf16", 5},   {"avx512fp16", 5},   {"gfni", 5},
    {"avxvnni", 5},      {"avxifma", 5},      {"avxvnniint8", 5},
    {"avxneconvert", 5}, {"amx-tile", 5},     {"amx-int8", 5},
    {"amx-bf16", 5},     {"amx-fp16", 5}};

static constexpr StringRef levels[] = {"x86-64", "x86-64-v2", "x86-64-v3",
                                       "x86-64-v4"};

llvm::ArrayRef<StringRef> cpu::chipNames() {
  return llvm::ArrayRef<StringRef>(levels).drop_front(2);
}

bool CpuTarget::has(StringRef feature) const {
  return llvm::is_contained(features, feature);
}

codegen::MachineModel CpuTarget::machine(int optLevel, bool exact) const {
  codegen::MachineModel model;
  bool wide = has("avx512f");
  model.vectorBytes = wide ? 64 : 32;
  model.vectorRegisters = wide ? 32 : 16;
  model.hasMaskedMemory = wide;
  model.hasByteDot = wide ? has("avx512vnni") : has("avxvnni");
  model.l1Bytes = l1Bytes;
  model.l2Bytes = l2Bytes;
  model.optLevel = optLevel;
  model.exact = exact;
  return model;
}

std::string CpuTarget::featureString() const {
  std::string result;
  for (const std::string &feature : features)
    result += (result.empty() ? "+" : ",+") + feature;
  return result;
}

std::string CpuTarget::describe() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os, 2);
  json.object([&] {
    json.attribute("backend", "cpu");
    json.attribute("chip", chip);
    json.attributeArray("features", [&] {
      for (const std::string &feature : features)
        json.value(feature);
    });
    json.attributeArray("memory", [&] {
      json.object([&] {
        json.attribute("name", "host");
        json.attribute("alignment", 64);
        if (memoryBytes)
          json.attribute("capacity", memoryBytes);
      });
    });
  });
  return text;
}

//===----------------------------------------------------------------------===//
// The host
//===----------------------------------------------------------------------===//

/// Tile registers need the operating system's permission, which a sandbox may
/// refuse although the CPU has them.
static bool tilesAllowed() {
  constexpr long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}

static int64_t cacheBytes(int name, int64_t fallback) {
  long bytes = sysconf(name);
  return bytes >= 16384 && bytes <= (16 << 20) ? bytes : fallback;
}

/// What processes of this host may use: its memory, or less where the control
/// group says so. Whole GiB, so that a description is the same after a boot.
static int64_t hostMemory() {
  int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  int64_t bytes = pages > 0 && page > 0 ? pages * page : 0;
  int64_t limit = 0;
  if (auto file =
          llvm::MemoryBuffer::getFileAsStream("/sys/fs/cgroup/memory.max");
      file && !(*file)->getBuffer().trim().getAsInteger(10, limit) && limit > 0)
    bytes = bytes ? std::min(bytes, limit) : limit;
  return bytes >> 30 << 30;
}

static std::optional<CpuTarget> probeHost(std::string &error) {
  CpuTarget target;
  target.isHost = true;
  llvm::StringMap<bool, llvm::MallocAllocator> found =
      llvm::sys::getHostCPUFeatures();
  bool tiles = found.lookup("amx-tile") && tilesAllowed();
  int level = 4;
  for (auto [name, needed] : knownFeatures) {
    if (!found.lookup(name)) {
      level = std::min(level, needed - 1);
      continue;
    }
    if (!name.starts_with("amx") || tiles)
      target.features.push_back(name.str());
  }
  if (level < 3) {
    error = "this host's CPU lacks AVX2 or FMA, which generated code needs; "
            "compile for another machine with --target=cpu:x86-64-v3";
    return std::nullopt;
  }
  target.chip = levels[level - 1].str();
  target.memoryBytes = hostMemory();
  target.l1Bytes = cacheBytes(_SC_LEVEL1_DCACHE_SIZE, target.l1Bytes);
  target.l2Bytes = cacheBytes(_SC_LEVEL2_CACHE_SIZE, target.l2Bytes);
  return target;
}

std::optional<CpuTarget> cpu::parseTarget(StringRef name, std::string &error) {
  StringRef chip = name;
  if (chip == "cpu")
    return probeHost(error);
  chip.consume_front("cpu:");
  if (chip == "host")
    return probeHost(error);
  if (!llvm::is_contained(chipNames(), chip)) {
    error =
        "unknown target 'cpu:" + chip.str() + "'; known are cpu (this host)";
    for (StringRef known : chipNames())
      error += ", cpu:" + known.str();
    return std::nullopt;
  }
  CpuTarget target;
  target.chip = chip.str();
  int level = chip.back() - '0';
  for (auto [feature, needed] : knownFeatures)
    if (needed <= level)
      target.features.push_back(feature.str());
  return target;
}
