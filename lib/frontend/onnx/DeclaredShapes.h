//===- DeclaredShapes.h - Shapes that the model states ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_DECLAREDSHAPES_H
#define NARAE_LIB_FRONTEND_ONNX_DECLAREDSHAPES_H

#include "lib/frontend/onnx/GraphImporter.h"

namespace narae::onnx {

/// The name of a dimension. Some exporters write "?" for every unknown one,
/// which does not make them equal.
std::string dimName(const ::onnx::TensorShapeProto::Dimension &dim);

/// Compares the declared shapes of the model's tensors with those that its
/// nodes make: another rank or another static size is an error for an output;
/// all other values together are one warning, as exporters often keep stale
/// shapes of those. Symbols and unknown sizes contradict nothing.
void checkDeclaredShapes(const GraphImporter &importer,
                         const ::onnx::GraphProto &graph);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_DECLAREDSHAPES_H
