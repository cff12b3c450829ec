//===- KernelRows.cpp - Operations on rows in OpenCL C --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A work-item a row: sums, maxima, the largest k, running sums, rotations; and
// rows by index.
//
//===----------------------------------------------------------------------===//

#include "backends/npu/opencl/Kernels.h"

const char *const narae::npu::opencl::rowKernels = R"CLC(
// Whether a comes before b among falling (or rising) values; NaN first.
bool before(float a, float b, bool least) {
  if (isnan(a) || isnan(b))
    return isnan(a) && !isnan(b);
  return least ? a < b : a > b;
}

// The result of a row, as a float's bits or an index.
kernel void reduce(int op, global const float *from, long row,
                   global uint *to, long count) {
  EACH;
  from += i * row;
  if (op == VSum || op == VSumSq) {
    float sums[16];
    for (int j = 0; j < 16; ++j)
      sums[j] = 0;
    for (long j = 0; j < row; ++j)
      sums[j % 16] = op == VSumSq ? fma(from[j], from[j], sums[j % 16])
                                  : sums[j % 16] + from[j];
    for (int step = 8; step; step /= 2)
      for (int j = 0; j < step; ++j)
        sums[j] = sums[j] + sums[j + step];
    to[i] = as_uint(sums[0]);
    return;
  }
  bool least = op == VRowMin || op == VArgMin, absolute = op == VAbsMax;
  long best = 0;
  for (long j = 1; j < row; ++j) {
    float a = absolute ? fabs(from[j]) : from[j];
    float b = absolute ? fabs(from[best]) : from[best];
    if (before(a, b, least))
      best = j;
  }
  bool index = op == VArgMax || op == VArgMin;
  float value = absolute ? fabs(from[best]) : from[best];
  to[i] = index ? (uint)best : as_uint(value);
}
kernel void reduce_int(int op, global const int *from, long row,
                       global int *to, long count) {
  EACH;
  from += i * row;
  if (op == VSum || op == VSumSq) {
    uint total = 0;
    for (long j = 0; j < row; ++j)
      total += (uint)from[j] * (op == VSumSq ? (uint)from[j] : 1u);
    to[i] = (int)total;
    return;
  }
  bool least = op == VRowMin || op == VArgMin, absolute = op == VAbsMax;
  long best = 0;
  int value = 0;
  for (long j = 0; j < row; ++j) {
    int x = from[j];
    if (absolute && x < 0)
      x = (int)(0u - (uint)x);
    if (j == 0 || (least ? x < value : x > value))
      best = j, value = x;
  }
  to[i] = op == VArgMax || op == VArgMin ? (int)best : value;
}

kernel void scan(global float *values, long row, long count) {
  EACH;
  for (long j = 1; j < row; ++j)
    values[i * row + j] = values[i * row + j - 1] + values[i * row + j];
}
kernel void scan_int(global uint *values, long row, long count) {
  EACH;
  for (long j = 1; j < row; ++j)
    values[i * row + j] += values[i * row + j - 1];
}

// The largest `most` of each row, of equals the first first.
#define TOP(NAME, TYPE, BEFORE)                                                \
  kernel void NAME(global const TYPE *from, long row, global TYPE *values,     \
                   global int *places, long most, long count) {                \
    EACH;                                                                      \
    from += i * row;                                                           \
    long last = -1;                                                            \
    for (long k = 0; k < most; ++k) {                                          \
      long best = -1;                                                          \
      for (long j = 0; j < row; ++j) {                                         \
        bool left = last < 0 || BEFORE(from[last], from[j]) ||                 \
                    (!BEFORE(from[j], from[last]) && j > last);                \
        if (left && (best < 0 || BEFORE(from[j], from[best])))                 \
          best = j;                                                            \
      }                                                                        \
      last = best;                                                             \
      values[i * most + k] = from[best];                                       \
      places[i * most + k] = (int)best;                                        \
    }                                                                          \
  }
#define FLOAT_BEFORE(a, b) before(a, b, false)
#define INT_BEFORE(a, b) ((a) > (b))
TOP(top, float, FLOAT_BEFORE)
TOP(top_int, int, INT_BEFORE)

// to[i, ...] := from[index[i], ...], rows of `row`.
kernel void gather(global const uint *from, global const int *index,
                   global uint *to, long row, long count) {
  EACH;
  to[i] = from[index[i / row] * row + i % row];
}
// to[..., j] := from[..., index[..., j]], rows of `row` from rows of `many`.
kernel void pick(global const uint *from, global const int *index,
                 global uint *to, long row, long many, long count) {
  EACH;
  to[i] = from[i / row * many + index[i]];
}

// A work-item a pair.
kernel void rotate_pairs(global float *values, global const float *c,
                         global const float *s, long size, int halves,
                         long count) {
  EACH;
  long half_size = size / 2, j = i % half_size;
  global float *row = values + i / half_size * size;
  global float *p = row + (halves ? j : 2 * j);
  global float *q = row + (halves ? j + half_size : 2 * j + 1);
  float turned_p = fma(*p, c[i], -(*q * s[i]));
  float turned_q = fma(*q, c[i], *p * s[i]);
  *p = turned_p;
  *q = turned_q;
}
)CLC";
