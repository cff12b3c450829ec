//===- KernelLoops.cpp - Operations in OpenCL C ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Operations on dense values of 32 bits, and the way between them and views of
// memories. A work-item an element; where neighbours share a byte or a row has
// an order, one for all of it.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/opencl/Kernels.h"

const char *const narae::npu::opencl::loopKernels = R"CLC(
#define EACH                                                                   \
  long i = get_global_id(0);                                                   \
  if (i >= count)                                                              \
    return

kernel void load_floats(global const uchar *memory, KernelView view,
                        global float *to, long count) {
  EACH;
  to[i] = to_float(view.type,
                   get_code(memory, place(&view, i), view.bits));
}
kernel void load_ints(global const uchar *memory, KernelView view, global int *to,
                      long count) {
  EACH;
  to[i] = to_integer(view.type,
                     get_code(memory, place(&view, i), view.bits));
}
kernel void store_floats(global uchar *memory, KernelView view,
                         global const float *from, long count, long each) {
  for (long i = get_global_id(0) * each, end = min(i + each, count); i < end;
       ++i)
    put_code(memory, place(&view, i), view.bits,
             from_float(view.type, from[i]));
}
kernel void store_ints(global uchar *memory, KernelView view, global const int *from,
                       long count, long each) {
  for (long i = get_global_id(0) * each, end = min(i + each, count); i < end;
       ++i)
    put_code(memory, place(&view, i), view.bits,
             from_integer(view.type, from[i]));
}
kernel void copy(global uchar *to, KernelView dst, global const uchar *from, KernelView a,
                 long count, long each) {
  for (long i = get_global_id(0) * each, end = min(i + each, count); i < end;
       ++i)
    put_code(to, place(&dst, i), dst.bits,
             get_code(from, place(&a, i), a.bits));
}
kernel void fill(global uchar *memory, KernelView view, uint bits, long count,
                 long each) {
  for (long i = get_global_id(0) * each, end = min(i + each, count); i < end;
       ++i)
    put_code(memory, place(&view, i), view.bits, bits);
}
kernel void set(global uint *to, uint value, long count) {
  EACH;
  to[i] = value;
}

kernel void unary(int op, global float *a, long count) {
  EACH;
  float x = a[i];
  switch (op) {
  case VNeg: x = -x; break;
  case VAbs: x = fabs(x); break;
  case VFloor: x = floor(x); break;
  case VCeil: x = ceil(x); break;
  case VRound: x = rint(x); break;
  case VSqrt: x = root(x); break;
  case VRsqrt: x = quotient(1.0f, root(x)); break;
  case VRecip: x = quotient(1.0f, x); break;
  case VExp: x = npu_exp(x); break;
  case VLog: x = npu_log(x); break;
  case VSin: x = npu_sin(x, 0); break;
  case VCos: x = npu_sin(x, 1); break;
  case VTanh: x = npu_tanh(x); break;
  case VErf: x = npu_erf(x); break;
  case VSigmoid: x = quotient(1.0f, 1.0f + npu_exp(-x)); break;
  case VSilu: x = quotient(x, 1.0f + npu_exp(-x)); break;
  case VGelu:
    x = (x * 0.5f) * (1.0f + npu_erf(x * 0x1.6a09e6p-1f));
    break;
  case VGeluTanh: x = npu_gelu_tanh(x); break;
  case VSoftplus: x = npu_softplus(x); break;
  case VRelu: x = x > 0 || isnan(x) ? x : 0.0f; break;
  }
  a[i] = x;
}
kernel void unary_int(int op, global int *a, long count) {
  EACH;
  int x = a[i];
  if (op == VNeg || (op == VAbs && x < 0))
    a[i] = (int)(0u - (uint)x);
  else if (op == VRelu)
    a[i] = max(x, 0);
}

kernel void binary(int op, global float *left, global const float *right,
                   long count) {
  EACH;
  float a = left[i], b = right[i], x = 0;
  switch (op) {
  case VAdd: x = a + b; break;
  case VSub: x = a - b; break;
  case VRsub: x = b - a; break;
  case VMul: x = a * b; break;
  case VDiv: x = quotient(a, b); break;
  case VMin: x = isnan(a) || isnan(b) ? QUIET : a < b ? a : b; break;
  case VMax: x = isnan(a) || isnan(b) ? QUIET : a > b ? a : b; break;
  case VExpSub: x = npu_exp(a - b); break;
  case VLt: x = a < b; break;
  case VLe: x = a <= b; break;
  case VEq: x = a == b; break;
  case VNe: x = a != b; break;
  case VGt: x = a > b; break;
  case VGe: x = a >= b; break;
  }
  left[i] = x;
}
kernel void binary_int(int op, global int *left, global const int *right,
                       global int *zero, long count) {
  EACH;
  int a = left[i], b = right[i], x = 0;
  uint p = a, q = b;
  switch (op) {
  case VAdd: x = (int)(p + q); break;
  case VSub: x = (int)(p - q); break;
  case VRsub: x = (int)(q - p); break;
  case VMul: x = (int)(p * q); break;
  case VDiv:
  case VRem: {
    if (b == 0) {
      zero[0] = 1;
      break;
    }
    long whole = (long)a / b;
    whole -= (long)a % b != 0 && (a < 0) != (b < 0);
    x = op == VDiv ? (int)whole : (int)((long)a - b * whole);
    break;
  }
  case VMin: x = min(a, b); break;
  case VMax: x = max(a, b); break;
  case VAnd: x = a & b; break;
  case VOr: x = a | b; break;
  case VXor: x = a ^ b; break;
  case VShl: x = (int)(p << (q & 31)); break;
  case VShr: x = a >> (q & 31); break;
  case VLt: x = a < b; break;
  case VLe: x = a <= b; break;
  case VEq: x = a == b; break;
  case VNe: x = a != b; break;
  case VGt: x = a > b; break;
  case VGe: x = a >= b; break;
  }
  left[i] = x;
}
kernel void to_floats(global const int *from, global float *to, long count) {
  EACH;
  to[i] = convert_float_rte(from[i]);
}

kernel void fused(global float *a, global const float *b,
                  global const float *c, long count) {
  EACH;
  a[i] = fma(a[i], b[i], c[i]);
}
kernel void fused_int(global uint *a, global const uint *b,
                      global const uint *c, long count) {
  EACH;
  a[i] = a[i] * b[i] + c[i];
}
kernel void choose(global const float *mask, global uint *b,
                   global const uint *c, long count) {
  EACH;
  b[i] = mask[i] != 0 ? b[i] : c[i];
}
kernel void series(global float *to, float start, float step, long row,
                   long count) {
  EACH;
  to[i] = fma((float)(i % row), step, start);
}
kernel void series_int(global uint *to, uint start, uint step, long row,
                       long count) {
  EACH;
  to[i] = start + (uint)(i % row) * step;
}

kernel void products(global float *sums, global const float *a,
                     global const float *b, long depth, long width, long begin,
                     long end, long count) {
  EACH;
  float sum = sums[i];
  for (long k = begin; k < end; ++k)
    sum = fma(a[i / width * depth + k], b[k * width + i % width], sum);
  sums[i] = sum;
}
kernel void products_int(global uint *sums, global const uint *a,
                         global const uint *b, long depth, long width,
                         long begin, long end, long count) {
  EACH;
  uint sum = sums[i];
  for (long k = begin; k < end; ++k)
    sum += a[i / width * depth + k] * b[k * width + i % width];
  sums[i] = sum;
}
// sums[m, n] += partial[m, n] * factors[group, n], as one step.
kernel void add_group(global float *sums, global const float *partial,
                      global const float *factors, long first, long width,
                      long count) {
  EACH;
  sums[i] = fma(partial[i], factors[first + i % width], sums[i]);
}
kernel void dequantize(global float *weights, global const float *scales,
                       global const float *offsets, int shifted, int type,
                       long group, long width, long count) {
  EACH;
  long at = i / width / group * width + i % width;
  float sum = shifted ? fma(weights[i], scales[at], offsets[at])
                      : weights[i] * scales[at];
  weights[i] = to_float(type, from_float(type, sum));
}
// Rows of a convolution's windows, zeros outside; sizes: height, width,
// channels, columns of the result, taps down and across, strides, dilations,
// pads.
kernel void windows(global const uint *image, global uint *to, long16 sizes,
                    long count) {
  EACH;
  long channel = i % sizes.s2, rest = i / sizes.s2;
  long j = rest % sizes.s5;
  rest /= sizes.s5;
  long tap = rest % sizes.s4;
  rest /= sizes.s4;
  long x = rest % sizes.s3, y = rest / sizes.s3;
  long row = y * sizes.s6 + tap * sizes.s8 - sizes.sa;
  long column = x * sizes.s7 + j * sizes.s9 - sizes.sb;
  bool inside =
      row >= 0 && row < sizes.s0 && column >= 0 && column < sizes.s1;
  to[i] = inside ? image[(row * sizes.s1 + column) * sizes.s2 + channel] : 0;
}
)CLC";
