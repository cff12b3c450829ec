//===- Peak.cpp - What the machine could do -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Independent fused multiply-adds, enough to hide their latency; and reading a
// buffer of 64 MB from end to end.
//
//===----------------------------------------------------------------------===//

#include "Peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <vector>

#define CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

#define PEAK(NAME, TARGET, VECTOR, SET, FMA)                                   \
  __attribute__((target(TARGET))) static void NAME(long rounds) {              \
    VECTOR m = SET(0.999f);                                                    \
    CHAINS(NAME##_DECLARE)                                                     \
    for (long i = 0; i < rounds; ++i) {                                        \
      CHAINS(NAME##_STEP)                                                      \
    }                                                                          \
    CHAINS(NAME##_USE)                                                         \
  }

#define wide_DECLARE(i) __m512 x##i = m;
#define wide_STEP(i) x##i = _mm512_fmadd_ps(x##i, m, m);
#define wide_USE(i) asm volatile("" ::"v"(x##i));
#define narrow_DECLARE(i) __m256 x##i = m;
#define narrow_STEP(i) x##i = _mm256_fmadd_ps(x##i, m, m);
#define narrow_USE(i) asm volatile("" ::"x"(x##i));

PEAK(wide, "avx512f", __m512, _mm512_set1_ps, fmadd)
PEAK(narrow, "avx2,fma", __m256, _mm256_set1_ps, fmadd)

double narae::bench::runPeak(bool is512, long rounds) {
  is512 ? wide(rounds) : narrow(rounds);
  return 12.0 * rounds * (is512 ? 32 : 16);
}

__attribute__((target("avx2"))) static void readAll(const char *from,
                                                    size_t bytes) {
  __m256i sums[8] = {};
  for (size_t i = 0; i < bytes; i += 256)
    for (size_t j = 0; j < 8; ++j)
      sums[j] = _mm256_xor_si256(
          sums[j], _mm256_loadu_si256(
                       reinterpret_cast<const __m256i *>(from + i + 32 * j)));
  for (__m256i &sum : sums)
    asm volatile("" ::"x"(sum));
}

double narae::bench::streamSpeed() {
  std::vector<char> buffer(64 << 20, 1);
  double best = 0;
  for (int round = 0; round < 10; ++round) {
    auto start = std::chrono::steady_clock::now();
    readAll(buffer.data(), buffer.size());
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    best = std::max(best, double(buffer.size()) / time.count());
  }
  return best;
}
