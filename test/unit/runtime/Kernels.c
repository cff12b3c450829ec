//===- Kernels.c - Kernels of the runtime's tests -------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "narae/backend.h"

#define KERNEL __attribute__((visibility("default")))

/* [*begin, *end): the part of n elements. */
static void split(int64_t n, int64_t part, int64_t parts, int64_t *begin,
                  int64_t *end) {
  *begin = n * part / parts;
  *end = n * (part + 1) / parts;
}

/* t = x * w[0] + w[1] */
KERNEL void affine(void *const *buffers, const int64_t *params, int64_t part,
                   int64_t parts, void *scratch) {
  const float *x = buffers[0], *w = buffers[1];
  float *t = buffers[2];
  int64_t begin, end;
  split(params[0], part, parts, &begin, &end);
  for (int64_t i = begin; i < end; ++i)
    t[i] = x[i] * w[0] + w[1];
}

/* y = 2 t */
KERNEL void twice(void *const *buffers, const int64_t *params, int64_t part,
                  int64_t parts, void *scratch) {
  const float *t = buffers[0];
  float *y = buffers[1];
  int64_t begin, end;
  split(params[0], part, parts, &begin, &end);
  for (int64_t i = begin; i < end; ++i)
    y[i] = 2 * t[i];
}

/* out = 0, 1, 2, ... */
KERNEL void iota(void *const *buffers, const int64_t *params, int64_t part,
                 int64_t parts, void *scratch) {
  int64_t *out = buffers[0];
  int64_t begin, end;
  split(params[0], part, parts, &begin, &end);
  for (int64_t i = begin; i < end; ++i)
    out[i] = i;
}

/* b = a + 1 */
KERNEL void add_one(void *const *buffers, const int64_t *params, int64_t part,
                    int64_t parts, void *scratch) {
  const float *a = buffers[0];
  float *b = buffers[1];
  int64_t begin, end;
  split(params[0], part, parts, &begin, &end);
  for (int64_t i = begin; i < end; ++i)
    b[i] = a[i] + 1;
}

/* out[i] = number of parts; through scratch memory of n integers a part. */
KERNEL void count_parts(void *const *buffers, const int64_t *params,
                        int64_t part, int64_t parts, void *scratch) {
  int64_t *out = buffers[0], *mine = scratch;
  int64_t begin, end;
  split(params[0], part, parts, &begin, &end);
  for (int64_t i = begin; i < end; ++i)
    mine[i - begin] = parts;
  for (int64_t i = begin; i < end; ++i)
    out[i] = mine[i - begin];
}
