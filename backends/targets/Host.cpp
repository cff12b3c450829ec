//===- Host.cpp - This machine as a target of plans -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/targets/Host.h"

#include <algorithm>
#include <thread>
#include <unistd.h>

using namespace narae;

static std::string figure(double value, const char *key, const char *why) {
  return "{\"value\": " + std::to_string(value) + ", \"" + key + "\": \"" +
         why + "\"}";
}

std::string targets::describeHost() {
  double bytes = double(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  double threads = std::max(1u, std::thread::hardware_concurrency());
  // 2.5 GHz and two 16-wide fused multiply-adds a cycle.
  std::string peak =
      figure(threads * 2.5e9 * 64, "assumed", "AVX-512 at 2.5 GHz");
  return R"({"name": "cpu", "backend": "cpu",
"description": "this host", "memory": {"name": "host", "kind": "DDR",
"interleave": "hashed", "pools": 1, "granule": 4096,
"capacity": )" +
         figure(bytes, "source", "probed") + ", \"reserve\": " +
         figure(1 << 29, "assumed", "the operating system") +
         ", \"bandwidth\": " +
         figure(std::min(threads, 8.0) * 10e9, "assumed",
                "10 GB/s a thread, up to 8") +
         ", \"refresh\": " +
         figure(0.045, "assumed", "tRFC / tREFI of JEDEC timings") +
         ", \"efficiency\": " + figure(0.88, "assumed", "long streams") +
         "}, \"peak\": {\"f32\": " + peak + "}, \"compute_efficiency\": " +
         figure(0.7, "assumed", "packed matrix products") +
         ", \"link_bandwidth\": " + figure(10e9, "assumed", "between sockets") +
         ", \"link_latency\": " + figure(1e-5, "assumed", "a message") +
         ", \"network_bandwidth\": " + figure(1.25e9, "assumed", "10 Gbit/s") +
         ", \"host_bandwidth\": " +
         figure(2e9, "assumed", "weights streamed from a disk") +
         ", \"devices_per_node\": 1}";
}
