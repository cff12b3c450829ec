//===- Vector.h - Scalars and vectors written alike ----------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The device library is compiled to bitcode for each kind of target and
// inlined into kernels. Functions are templates over a float or a vector of
// floats and free of branches: selects only, so that loops over the scalar
// version vectorise after inlining, and the vector versions cost no more.
//
// The kernels' targets have FMA instructions; `fma` is one of them.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_DEVICE_VECTOR_H
#define NARAE_LIB_CODEGEN_DEVICE_VECTOR_H

#include <stddef.h>
#include <stdint.h>

namespace narae::device {

#define NARAE_VECTORS(N)                                                       \
  typedef float F##N __attribute__((ext_vector_type(N)));                      \
  typedef double D##N __attribute__((ext_vector_type(N)));                     \
  typedef int32_t I##N __attribute__((ext_vector_type(N)));                    \
  typedef int64_t L##N __attribute__((ext_vector_type(N)));
NARAE_VECTORS(4)
NARAE_VECTORS(8)
NARAE_VECTORS(16)
#undef NARAE_VECTORS

/// The integer, float and double types with as many lanes.
template <class T>
struct Lanes;
#define NARAE_LANES(T, F_, D_, I_, L_, N, INT)                                 \
  template <>                                                                  \
  struct Lanes<T> {                                                            \
    using F = F_;                                                              \
    using D = D_;                                                              \
    using I32 = I_;                                                            \
    using I64 = L_;                                                            \
    using Int = INT;                                                           \
    static constexpr int count = N;                                            \
  };
NARAE_LANES(float, float, double, int32_t, int64_t, 1, int32_t)
NARAE_LANES(F4, F4, D4, I4, L4, 4, I4)
NARAE_LANES(F8, F8, D8, I8, L8, 8, I8)
NARAE_LANES(F16, F16, D16, I16, L16, 16, I16)
NARAE_LANES(double, float, double, int32_t, int64_t, 1, int64_t)
NARAE_LANES(D4, F4, D4, I4, L4, 4, L4)
NARAE_LANES(D8, F8, D8, I8, L8, 8, L8)
NARAE_LANES(D16, F16, D16, I16, L16, 16, L16)
#undef NARAE_LANES

template <class T>
using IntOf = typename Lanes<T>::Int;

/// Arithmetic on the bits of floats, which may leave the range of integers:
/// what comes of NaN, infinity and negative numbers is selected away later.
template <class I>
__attribute__((no_sanitize("shift"))) inline I shiftUp(I bits, int count) {
  return bits << count;
}
template <class I, class J>
__attribute__((no_sanitize("signed-integer-overflow"))) inline I less(I bits,
                                                                      J by) {
  return bits - by;
}

template <class T>
using FloatOf = typename Lanes<T>::F;
template <class T>
using DoubleOf = typename Lanes<T>::D;

template <class To, class From>
inline To bitsTo(From x) {
  return __builtin_bit_cast(To, x);
}
template <class T>
inline IntOf<T> bits(T x) {
  return bitsTo<IntOf<T>>(x);
}

/// Conversion of values, lane by lane.
template <class To, class From>
inline To to(From x) {
  if constexpr (sizeof(From) <= 8 && sizeof(To) <= 8)
    return static_cast<To>(x);
  else
    return __builtin_convertvector(x, To);
}

template <class T>
inline T fma(T a, T b, T c) {
  return __builtin_elementwise_fma(a, b, c);
}
template <class T>
inline T fabs(T x) {
  return __builtin_elementwise_abs(x);
}
template <class T>
inline T sqrt(T x) {
  return __builtin_elementwise_sqrt(x);
}
template <class T>
inline T copysign(T x, T sign) {
  return __builtin_elementwise_copysign(x, sign);
}
template <class T>
inline T roundEven(T x) {
  return __builtin_elementwise_roundeven(x);
}
template <class T>
inline T trunc(T x) {
  return __builtin_elementwise_trunc(x);
}

/// c0 + c1 x + c2 x^2 + ..., by Horner's rule.
template <class T, class C>
inline T poly(T, C c0) {
  return T(c0);
}
template <class T, class C, class... Cs>
inline T poly(T x, C c0, Cs... rest) {
  return fma(poly(x, rest...), x, T(c0));
}

template <class T>
inline T infinity() {
  return T(__builtin_inff());
}
template <class T>
inline T notANumber() {
  return T(__builtin_nanf(""));
}

} // namespace narae::device

/// The entry points of a function of one float, for a scalar and (through
/// memory, so that no calling convention of vectors is involved) vectors.
#define NARAE_ENTRY extern "C" __attribute__((always_inline))
#define NARAE_UNARY_F32(name, fn)                                              \
  NARAE_ENTRY float narae_##name##_f32(float x) { return fn(x); }              \
  NARAE_ENTRY void narae_##name##_v4f32(const device::F4 *x, device::F4 *r) {  \
    *r = fn(*x);                                                               \
  }                                                                            \
  NARAE_ENTRY void narae_##name##_v8f32(const device::F8 *x, device::F8 *r) {  \
    *r = fn(*x);                                                               \
  }                                                                            \
  NARAE_ENTRY void narae_##name##_v16f32(const device::F16 *x,                 \
                                         device::F16 *r) {                     \
    *r = fn(*x);                                                               \
  }
#define NARAE_UNARY_F64(name, fn)                                              \
  extern "C" double narae_##name##_f64(double x) { return fn(x); }
#define NARAE_BINARY_F32(name, fn)                                             \
  NARAE_ENTRY float narae_##name##_f32(float x, float y) { return fn(x, y); }
#define NARAE_BINARY_F64(name, fn)                                             \
  extern "C" double narae_##name##_f64(double x, double y) { return fn(x, y); }

#endif // NARAE_LIB_CODEGEN_DEVICE_VECTOR_H
