//===- Embed.h - Files within a library ------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_EMBED_H
#define NARAE_LIB_CODEGEN_EMBED_H

/// Puts a file's bytes between two symbols of the read-only data.
#define NARAE_EMBED(name, path)                                                \
  __asm__(".section .rodata\n.balign 16\n.hidden " name                        \
          "_begin\n.hidden " name "_end\n" name "_begin:\n.incbin \"" path     \
          "\"\n" name "_end:\n.byte 0\n.previous\n");

#endif // NARAE_LIB_CODEGEN_EMBED_H
