//===- Bandwidth.cpp - How fast memory is read ----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Usage: narae-bench-bandwidth [THREADS [MIB [ROUNDS]]]
//
// Each thread adds up a part of its own of one buffer, again and again. Prints
// the best round in GB/s (10^9 bytes). Writes nothing while it measures: this
// is what a decoder does with its weights.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <thread>
#include <vector>

/// Several sums, so that loads do not wait for additions.
__attribute__((target_clones("avx512f", "avx2", "default"))) static uint64_t
sum(const uint64_t *data, size_t count) {
  constexpr size_t kChains = 64;
  uint64_t sums[kChains] = {};
  for (size_t i = 0; i + kChains <= count; i += kChains)
    for (size_t chain = 0; chain < kChains; ++chain)
      sums[chain] += data[i + chain];
  uint64_t total = 0;
  for (uint64_t one : sums)
    total += one;
  return total;
}

static size_t argument(int argc, char **argv, int index, size_t fallback) {
  size_t value = argc > index ? std::strtoull(argv[index], nullptr, 10) : 0;
  return value ? value : fallback;
}

int main(int argc, char **argv) {
  size_t threads = argument(argc, argv, 1, std::thread::hardware_concurrency());
  size_t bytes = argument(argc, argv, 2, 2048) << 20;
  size_t rounds = argument(argc, argv, 3, 7);
  threads = std::max<size_t>(threads, 1);
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "error: %zu MiB of memory are not there\n",
                 bytes >> 20);
    return 1;
  }
  auto *data = static_cast<uint64_t *>(memory);
  size_t count = bytes / sizeof(uint64_t), part = count / threads;

  // Pages must exist, or all are the same one of zeros.
  std::vector<std::thread> team;
  std::atomic<uint64_t> total{0};
  auto forAll = [&](auto work) {
    team.clear();
    for (size_t thread = 0; thread < threads; ++thread)
      team.emplace_back([=] { work(data + thread * part); });
    for (std::thread &one : team)
      one.join();
  };
  forAll([part](uint64_t *begin) { std::fill(begin, begin + part, 1); });

  double best = 0;
  for (size_t round = 0; round < rounds; ++round) {
    auto begin = std::chrono::steady_clock::now();
    forAll([part, &total](uint64_t *begin) { total += sum(begin, part); });
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - begin;
    best = std::max(best, threads * part * sizeof(uint64_t) / time.count());
  }
  // The sum is used, so that it is computed.
  if (total < rounds)
    return 2;
  std::printf("%.2f\n", best / 1e9);
  return 0;
}
