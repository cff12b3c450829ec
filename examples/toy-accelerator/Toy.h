//===- Toy.h - The two sides of the toy accelerator -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The toy computes on f32 tensors of known shapes, one instruction at a time.
// An object is text, a line an instruction, so that `narae inspect --extract`
// shows it:
//
//   kernel NAME            begins a kernel
//   tensor RANK DIM...     declares the next tensor, in this order: inputs,
//   input | output         .. then what it is: the launch's next buffer,
//   local | constant X...  .. memory of the kernel, or numbers
//   OP RESULT OPERAND...   computes: add 3 0 1
//
//===----------------------------------------------------------------------===//

#ifndef TOY_H
#define TOY_H

#include "narae/backend.h"

extern const NaraeBackendCompiler toyCompiler;
extern const NaraeBackendRuntime toyRuntime;

#endif // TOY_H
