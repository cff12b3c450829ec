//===- Exp.h - Exponential in float arithmetic ---------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_DEVICE_EXP_H
#define NARAE_LIB_CODEGEN_DEVICE_EXP_H

#include "Vector.h"

namespace narae::device {

constexpr float kRound32 = 0x1.8p23f;

/// 2^k for -126 <= k <= 127.
template <class F>
inline F power2f(IntOf<F> k) {
  return bitsTo<F>(shiftUp(k + 127, 23));
}

/// e^x = 2^n e^r with |r| <= ln(2) / 2; e^r by a polynomial. About 1 ulp.
template <class F>
inline F expF(F x) {
  F c = x > F(90.0f) ? F(90.0f) : x;
  c = c < F(-106.0f) ? F(-106.0f) : c;
  F j = fma(c, F(1.442695041f), F(kRound32));
  F n = j - F(kRound32);
  F r = fma(n, F(-0x1.62e4p-1f), c);
  r = fma(n, F(-0x1.7f7d1cp-20f), r);
  F p = poly(r, 0.5000000105f, 0.1666651902f, 0.04166618116f, 0.008368868917f,
             0.001395185178f);
  F e = fma(r * r, p, r) + F(1.0f);
  IntOf<F> k = bits(j) - bits(F(kRound32)), half = k >> 1;
  return e * power2f<F>(half) * power2f<F>(k - half);
}

} // namespace narae::device

#endif // NARAE_LIB_CODEGEN_DEVICE_EXP_H
