//===- ConvShape.h - A convolution as the emitters see it -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One- and two-dimensional convolutions alike: the former have a height of 1.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_CPU_COMPILER_KERNELS_CONVSHAPE_H
#define NARAE_BACKENDS_CPU_COMPILER_KERNELS_CONVSHAPE_H

#include "backends/cpu/compiler/kernels/Gemm.h"

namespace narae::cpu {

/// One spatial dimension.
struct ConvAxis {
  fm::Expr in, out, pad; ///< `pad` in front
  int64_t kernel = 1, stride = 1, dilation = 1;
};

struct ConvShape {
  Value input, filter, bias, result;
  unsigned spatial = 2; ///< dimensions of the tensors
  int64_t groups = 1;
  fm::Expr batch, channels, filters; ///< channels and filters of one group
  ConvAxis h, w;

  /// None unless the op is an f32 fm.conv with a static window.
  static std::optional<ConvShape> of(fm::SymbolicScope &scope,
                                     mlir::Operation *op);
  bool isDepthwise() const;
  bool isPointwise() const;
  int64_t window() const { return h.kernel * w.kernel; }

  /// Indices of an input element.
  codegen::Indices inputAt(KernelContext &k, Value n, Value c, Value y,
                           Value x) const;
  /// Indices of a result element.
  codegen::Indices resultAt(KernelContext &k, Value n, Value o, Value y,
                            Value x) const {
    return inputAt(k, n, o, y, x);
  }
};

/// Whether what follows `anchor` in the kernel sees its spatial dimensions as
/// one: operands have all of them or none. Then (0, pixel) stands for (y, x).
bool isSpatiallyFlat(rt::KernelOp kernel, fm::SymbolicScope &scope,
                     Value anchor);

} // namespace narae::cpu

#endif // NARAE_BACKENDS_CPU_COMPILER_KERNELS_CONVSHAPE_H
