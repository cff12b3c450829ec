//===- KernelNumbers.cpp - Elements and functions in OpenCL C -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the bits of elements mean and the functions of one f32, as
// docs/npu-isa.md defines them, in OpenCL C.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/opencl/Kernels.h"

const char *const narae::npu::opencl::numberKernels = R"CLC(
#pragma OPENCL FP_CONTRACT OFF
#ifdef DIVIDE_IN_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
float quotient(float a, float b) { return (float)((double)a / (double)b); }
float root(float a) { return (float)sqrt((double)a); }
#else
float quotient(float a, float b) { return a / b; }
float root(float a) { return sqrt(a); }
#endif

// In the order of the instruction set.
enum { F32, F16, BF16, E4M3, E5M2, I32, I16, I8, U8, I4, U4, E2M1, E8M0 };
#define QUIET as_float(0x7fc00000u)

typedef struct {
  long base, sizes[5], strides[5];
  int type, bits;
} KernelView;

// The bit at which element i, counted in row-major order, begins.
long place(const KernelView *view, long i) {
  long offset = 0;
  for (int axis = 4; axis >= 0; --axis) {
    long size = view->sizes[axis];
    offset += i % size * view->strides[axis];
    i /= size;
  }
  return view->base * 8 + offset * view->bits;
}

uint get_code(global const uchar *memory, long bit, int bits) {
  global const uchar *at = memory + (bit >> 3);
  if (bits == 4)
    return bit & 4 ? at[0] >> 4 : at[0] & 15;
  uint code = at[0];
  if (bits >= 16)
    code |= (uint)at[1] << 8;
  if (bits == 32)
    code |= (uint)at[2] << 16 | (uint)at[3] << 24;
  return code;
}

void put_code(global uchar *memory, long bit, int bits, uint code) {
  global uchar *at = memory + (bit >> 3);
  if (bits == 4) {
    at[0] = bit & 4 ? (at[0] & 15) | code << 4 : (at[0] & 0xf0) | (code & 15);
    return;
  }
  at[0] = code;
  if (bits >= 16)
    at[1] = code >> 8;
  if (bits == 32)
    at[2] = code >> 16, at[3] = code >> 24;
}

float power(int n) { return as_float((uint)(n + 127) << 23); }

// A format with subnormals; `mantissa` bits of it, bias of its exponent.
float decode(uint magnitude, int mantissa, int bias) {
  uint exponent = magnitude >> mantissa;
  uint digits = magnitude & ((1u << mantissa) - 1);
  if (exponent)
    digits |= 1u << mantissa;
  return (float)digits * power(max((int)exponent, 1) - bias - mantissa);
}

uint encode(uint bits, int mantissa, int bias) {
  int exponent = bits >> 23;
  if (exponent == 0)
    return 0;
  uint digits = (bits & 0x7fffff) | 0x800000;
  int biased = exponent - 127 + bias, shift = 23 - mantissa;
  if (biased <= 0) {
    shift += 1 - biased;
    biased = 1;
    if (shift > 25)
      return 0;
  }
  uint kept = digits >> shift, lost = digits & ((1u << shift) - 1);
  uint tie = 1u << (shift - 1);
  kept += lost > tie || (lost == tie && (kept & 1));
  return ((uint)(biased - 1) << mantissa) + kept;
}

int to_integer(int type, uint code) {
  switch (type) {
  case I16:
    return (short)code;
  case I8:
    return (char)code;
  case U8:
    return (uchar)code;
  case I4:
    return (int)((code & 15) ^ 8) - 8;
  case U4:
    return code & 15;
  default:
    return (int)code;
  }
}

uint from_integer(int type, int value) {
  switch (type) {
  case I16:
    return clamp(value, -32768, 32767) & 0xffff;
  case I8:
    return clamp(value, -128, 127) & 0xff;
  case U8:
    return clamp(value, 0, 255);
  case I4:
    return clamp(value, -8, 7) & 15;
  case U4:
    return clamp(value, 0, 15);
  default:
    return (uint)value;
  }
}

float to_float(int type, uint code) {
  float value;
  switch (type) {
  case F32:
    return as_float(code);
  case BF16:
    return as_float(code << 16);
  case F16:
    if ((code & 0x7fff) > 0x7c00)
      return QUIET;
    value = (code & 0x7fff) == 0x7c00 ? INFINITY : decode(code & 0x7fff, 10, 15);
    return code & 0x8000 ? -value : value;
  case E4M3:
    if ((code & 0x7f) == 0x7f)
      return QUIET;
    value = decode(code & 0x7f, 3, 7);
    return code & 0x80 ? -value : value;
  case E5M2:
    if ((code & 0x7f) > 0x7c)
      return QUIET;
    value = (code & 0x7f) == 0x7c ? INFINITY : decode(code & 0x7f, 2, 15);
    return code & 0x80 ? -value : value;
  case E2M1:
    value = decode(code & 7, 1, 1);
    return code & 8 ? -value : value;
  case E8M0:
    if (code == 255)
      return QUIET;
    return code ? as_float(code << 23) : as_float(0x00400000u);
  default:
    return convert_float_rte(to_integer(type, code));
  }
}

uint from_float(int type, float value) {
  uint bits = as_uint(value), magnitude = bits & 0x7fffffff;
  uint negative = bits >> 31;
  bool is_nan = magnitude > 0x7f800000;
  switch (type) {
  case F32:
    return is_nan ? 0x7fc00000 : bits;
  case F16:
    return is_nan ? 0x7e00
                  : min(encode(magnitude, 10, 15), 0x7c00u) | negative << 15;
  case BF16:
    return is_nan ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  case E4M3:
    return is_nan ? 0x7f : min(encode(magnitude, 3, 7), 0x7eu) | negative << 7;
  case E5M2:
    return is_nan ? 0x7f : min(encode(magnitude, 2, 15), 0x7bu) | negative << 7;
  default:
    break;
  }
  if (is_nan)
    return 0;
  float rounded = rint(value);
  if (rounded >= 2147483648.0f)
    return from_integer(type, 2147483647);
  if (rounded <= -2147483648.0f)
    return from_integer(type, -2147483647 - 1);
  return from_integer(type, (int)rounded);
}

float horner(constant const float *coefficients, int count, float x) {
  float sum = coefficients[count - 1];
  for (int i = count - 2; i >= 0; --i)
    sum = fma(sum, x, coefficients[i]);
  return sum;
}
#define POLYNOMIAL(name, x)                                                    \
  horner(polynomial##name, sizeof(polynomial##name) / sizeof(float), x)

float npu_exp(float x) {
  if (isnan(x))
    return QUIET;
  if (x > 0x1.62e42ep+6f)
    return INFINITY;
  if (x < -104.0f)
    return 0;
  float n = rint(x * 0x1.715476p+0f);
  float r = fma(n, -0x1.62e4p-1f, x);
  r = fma(n, -0x1.7f7d1cp-20f, r);
  float sum = fma(r * r, POLYNOMIAL(Exp, r), r) + 1.0f;
  int whole = (int)n, first = whole >> 1;
  return sum * power(first) * power(whole - first);
}

float npu_log(float x) {
  if (isnan(x) || x < 0)
    return QUIET;
  if (x == 0)
    return -INFINITY;
  if (x == INFINITY)
    return INFINITY;
  int exponent = -126;
  if (x < 0x1p-126f) {
    x *= 0x1p24f;
    exponent -= 24;
  }
  exponent += as_uint(x) >> 23;
  float mantissa = as_float((as_uint(x) & 0x7fffffu) | 0x3f000000u);
  if (mantissa < 0x1.6a09e6p-1f) {
    mantissa *= 2;
    --exponent;
  }
  float f = mantissa - 1.0f, e = exponent, square = f * f;
  float r = (square * f) * POLYNOMIAL(Log, f);
  r = fma(-0.5f, square, r);
  r = fma(e, 0x1.7f7d1cp-20f, r);
  r = r + f;
  return fma(e, 0x1.62e4p-1f, r);
}

float npu_sin(float x, int quarter) {
  if (!(fabs(x) <= 0x1p20f))
    return QUIET;
  float n = rint(x * 0x1.45f306p-1f);
  float r = fma(n, -0x1.921fb6p+0f, x);
  r = fma(n, 0x1.777a5cp-25f, r);
  r = fma(n, 0x1.ee59dap-50f, r);
  float z = r * r, result;
  int turn = (int)n + quarter;
  if (turn & 1)
    result = fma(z * z, POLYNOMIAL(Cos, z), fma(-0.5f, z, 1.0f));
  else
    result = fma(r * z, POLYNOMIAL(Sin, z), r);
  return turn & 2 ? -result : result;
}

float npu_tanh(float x) {
  float a = fabs(x);
  if (isnan(x))
    return QUIET;
  if (a < 0.625f) {
    float z = x * x;
    return fma(x * z, POLYNOMIAL(Tanh, z), x);
  }
  float result =
      a > 9.25f ? 1.0f : 1.0f - quotient(2.0f, npu_exp(2.0f * a) + 1.0f);
  return x < 0 ? -result : result;
}

float npu_erf(float x) {
  float a = fabs(x);
  if (isnan(x))
    return QUIET;
  if (a < 1.0f)
    return fma(x, POLYNOMIAL(Erf, x * x), x);
  float result = a >= 4.0f ? 1.0f : 1.0f - npu_exp(POLYNOMIAL(Erfc, a));
  return x < 0 ? -result : result;
}

float npu_gelu_tanh(float x) {
  float inner = (x * 0x1.988454p-1f) * fma(x * x, 0x1.6e4e26p-5f, 1.0f);
  return (x * 0.5f) * (1.0f + npu_tanh(inner));
}

float npu_softplus(float x) {
  if (isnan(x))
    return QUIET;
  return (x > 0 ? x : 0.0f) + npu_log(1.0f + npu_exp(-fabs(x)));
}
)CLC";
