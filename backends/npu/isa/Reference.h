//===- Reference.h - Tables of the manual --------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tables of docs/npu-isa.md, written from the instruction table.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_ISA_REFERENCE_H
#define NARAE_BACKENDS_NPU_ISA_REFERENCE_H

#include "lib/artifact/Status.h"

#include <string>

namespace narae::npu {

/// Markdown: types, memories, engines, choices, instructions, polynomials.
std::string instructionReference();

/// A document whose part between the lines `<!-- reference -->` and
/// `<!-- end of reference -->` is replaced by the reference.
Expected<std::string> updateReference(const std::string &document);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_ISA_REFERENCE_H
