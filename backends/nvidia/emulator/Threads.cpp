//===- Threads.cpp - The threads of a launch -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/emulator/Threads.h"

#include <tbb/parallel_for.h>

#include <array>
#include <cstdio>

using namespace narae;
using namespace narae::nvidia;

namespace {
/// The thread that a host thread runs now.
struct Current {
  Launch *launch = nullptr;
  uint32_t block = 0, thread = 0;
};
} // namespace

static thread_local Current current;

//===----------------------------------------------------------------------===//
// Special registers
//===----------------------------------------------------------------------===//

static constexpr uint32_t kWarp = 32;

template <int value>
static uint32_t always() {
  return value;
}
static uint32_t tid() { return current.thread; }
static uint32_t ntid() { return current.launch->shape.threads; }
static uint32_t ctaid() { return current.block; }
static uint32_t nctaid() { return current.launch->shape.blocks; }
static uint32_t laneid() { return current.thread % kWarp; }
static uint32_t warpid() { return current.thread / kWarp; }

namespace {
struct HostFunction {
  std::string_view intrinsic;
  uint32_t (*address)();
};
} // namespace

static constexpr std::string_view kPrefix = "llvm.nvvm.read.ptx.sreg.";
static constexpr std::array registers = {
    HostFunction{"tid.x", tid},          HostFunction{"tid.y", always<0>},
    HostFunction{"tid.z", always<0>},    HostFunction{"ntid.x", ntid},
    HostFunction{"ntid.y", always<1>},   HostFunction{"ntid.z", always<1>},
    HostFunction{"ctaid.x", ctaid},      HostFunction{"ctaid.y", always<0>},
    HostFunction{"ctaid.z", always<0>},  HostFunction{"nctaid.x", nctaid},
    HostFunction{"nctaid.y", always<1>}, HostFunction{"nctaid.z", always<1>},
    HostFunction{"laneid", laneid},      HostFunction{"warpid", warpid},
    HostFunction{"warpsize", always<32>}};

void *nvidia::hostFunctionOf(std::string_view intrinsic) {
  if (intrinsic.substr(0, kPrefix.size()) != kPrefix)
    return nullptr;
  intrinsic.remove_prefix(kPrefix.size());
  for (const HostFunction &function : registers)
    if (function.intrinsic == intrinsic)
      return reinterpret_cast<void *>(function.address);
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Checked accesses
//===----------------------------------------------------------------------===//

static std::string threadName(const Launch &launch, uint32_t id) {
  uint32_t thread = id - launch.firstId;
  return "thread " + std::to_string(thread % launch.shape.threads) +
         " of block " + std::to_string(thread / launch.shape.threads);
}

static void fail(Launch &launch, std::string text) {
  std::lock_guard lock(launch.mutex);
  if (!launch.faulted.exchange(true))
    launch.fault = std::move(text);
}

static void checkAccess(void *pointer, uint64_t bytes, uint32_t isWrite) {
  Launch &launch = *current.launch;
  if (launch.faulted)
    return;
  uint32_t id =
      launch.firstId + current.block * launch.shape.threads + current.thread;
  uint32_t many = launch.firstId + launch.shape.blocks * launch.shape.threads;
  auto address = reinterpret_cast<uint64_t>(pointer);
  Memory::Block *block = launch.memory->find(address);
  auto describe = [&](const char *what) {
    char number[32];
    std::snprintf(number, sizeof(number), "0x%llx",
                  static_cast<unsigned long long>(address));
    return threadName(launch, id) + (isWrite ? " writes " : " reads ") +
           std::to_string(bytes) + " bytes at " + number + what;
  };
  if (!block)
    return fail(launch, describe(", which no allocation holds"));
  uint64_t offset = address - block->begin;
  if (bytes > block->bytes - offset)
    return fail(launch, describe(", beyond the end of an allocation of ") +
                            std::to_string(block->bytes) + " bytes");
  for (uint64_t i = offset; i < offset + bytes; ++i) {
    ByteShadow &shadow = block->shadow[i];
    if (shadow.writer >= launch.firstId && shadow.writer != id)
      return fail(launch, describe(", which ") +
                              threadName(launch, shadow.writer) +
                              " wrote in the same launch");
    bool othersRead = shadow.reader >= launch.firstId && shadow.reader != id;
    if (isWrite && othersRead)
      return fail(launch, describe(", which ") +
                              (shadow.reader == many
                                   ? std::string("several threads")
                                   : threadName(launch, shadow.reader)) +
                              " read in the same launch");
    if (isWrite)
      shadow.writer = id;
    else
      shadow.reader = othersRead ? many : id;
  }
}

void *nvidia::accessChecker() { return reinterpret_cast<void *>(checkAccess); }

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static void runBlock(Launch &launch, ThreadFunction function, void **arguments,
                     uint32_t block) {
  for (uint32_t thread = 0; thread < launch.shape.threads; ++thread) {
    current = {&launch, block, thread};
    function(arguments);
    if (launch.faulted)
      return;
  }
}

Status nvidia::runLaunch(Launch &launch, ThreadFunction function,
                         void **arguments) {
  uint32_t blocks = launch.shape.blocks;
  if (launch.memory)
    for (uint32_t block = 0; block < blocks && !launch.faulted; ++block)
      runBlock(launch, function, arguments, block);
  else
    tbb::parallel_for(0u, blocks, [&](uint32_t block) {
      runBlock(launch, function, arguments, block);
    });
  return launch.faulted ? Status::error(launch.fault) : Status::success();
}
