//===- Window.h - Attributes of convolutions and pools ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_WINDOW_H
#define NARAE_LIB_FRONTEND_ONNX_WINDOW_H

#include "lib/frontend/onnx/NodeImporter.h"

namespace narae::onnx {

/// What Conv, ConvTranspose and the pools say of their windows, with ONNX's
/// defaults and in fm's terms.
struct Window {
  llvm::SmallVector<int64_t> kernel, strides, pads, dilations;
  std::string autoPad; ///< explicit, same_upper, same_lower, valid
  bool ceilMode = false;
};

/// Reads and checks the attributes. `kernel` is what the filter says, empty
/// where there is none (pools); kernel_shape must agree with it.
llvm::FailureOr<Window> readWindow(const Node &n, int64_t spatial,
                                   llvm::ArrayRef<int64_t> kernel);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_WINDOW_H
