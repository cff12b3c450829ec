//===- EntryPoint.h - Inputs and outputs of the model -----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_ENTRYPOINT_H
#define NARAE_LIB_FRONTEND_ONNX_ENTRYPOINT_H

#include "lib/frontend/onnx/GraphImporter.h"

namespace narae::onnx {

/// Imports the model's graph as `func.func @main`. Problems are reported.
void importMain(ModelState &state, const ::onnx::GraphProto &graph,
                const Opsets &opsets, const ImportOptions &options);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_ENTRYPOINT_H
