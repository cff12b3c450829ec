//===- Peak.h - What the machine could do -----------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BENCH_KERNELS_PEAK_H
#define NARAE_BENCH_KERNELS_PEAK_H

namespace narae::bench {

/// Runs `rounds` rounds of multiply-adds in registers, 512 or 256 bits wide;
/// returns the floating-point operations done.
double runPeak(bool is512, long rounds);

/// Bytes a second of the best of some rounds.
double streamSpeed();

} // namespace narae::bench

#endif // NARAE_BENCH_KERNELS_PEAK_H
