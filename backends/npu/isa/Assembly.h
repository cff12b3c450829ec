//===- Assembly.h - Programs as text -------------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs as text. One line a statement; `;` begins a comment:
//
//   .machine 0x0123456789abcdef         ; hash of the machine, optional
//   .parameter length 1 4096            ; bounds are optional
//   .constant dram 0 4096 00ff 12       ; space, unit, address, bytes in hex
//   .code load                          ; begins words of that name
//     view v0, f16, dram, 2, 0, x1+64   ; operands in the order of the table
//     loop x2, 8
//       advance v0, 4096
//     end
//   .stream dma 0 1 load                ; engine, unit, queue, code
//
// A value is `x3`, `16`, `-1` or `x3+16`; a scalar the same with a number such
// as 0.5, inf or nan; a view that is left out is `-`. The operand `body` of
// `loop` and `if` is not written: it follows from the matching `end`.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_ISA_ASSEMBLY_H
#define NARAE_BACKENDS_NPU_ISA_ASSEMBLY_H

#include "backends/npu/isa/Program.h"

namespace narae::npu {

/// \param problems receives "line 3: ..." for everything that is wrong; the
/// result is of use only without any.
Program assemble(const std::string &text, std::vector<std::string> &problems);

/// Text that `assemble` turns into the same program. Words that do not decode
/// are `.word` lines of hexadecimal bytes with the reason as a comment.
std::string disassemble(const Program &program);

/// One instruction without the line's end: "add x1, x2, 16".
std::string print(const Instruction &instruction);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_ISA_ASSEMBLY_H
