//===- Memory.cpp - The memory functions that LLVM may call ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are linked without a C library. Code generation turns large copies
// and fills into calls of these; nothing else calls them.
//
//===----------------------------------------------------------------------===//

#include <stddef.h>
#include <stdint.h>

#define NARAE_HIDDEN extern "C" __attribute__((visibility("hidden")))

NARAE_HIDDEN void *memcpy(void *to, const void *from, size_t size) {
  void *result = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  return result;
}

NARAE_HIDDEN void *memmove(void *to, const void *from, size_t size) {
  char *t = static_cast<char *>(to);
  const char *f = static_cast<const char *>(from);
  if (reinterpret_cast<uintptr_t>(t) - reinterpret_cast<uintptr_t>(f) >= size)
    return memcpy(to, from, size);
  while (size--)
    t[size] = f[size];
  return to;
}

NARAE_HIDDEN void *memset(void *to, int value, size_t size) {
  void *result = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return result;
}

NARAE_HIDDEN int memcmp(const void *a, const void *b, size_t size) {
  const unsigned char *x = static_cast<const unsigned char *>(a);
  const unsigned char *y = static_cast<const unsigned char *>(b);
  for (size_t i = 0; i < size; ++i)
    if (x[i] != y[i])
      return x[i] < y[i] ? -1 : 1;
  return 0;
}
