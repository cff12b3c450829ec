//===- ActivationLoss.h - What quantised activations cost ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A backend may quantise the activations of products with packed weights. Its
// `configure` then says so of a kernel, as `activations = "int8"`; how much is
// lost is measured here, on the model's own weights.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_DRIVER_ACTIVATIONLOSS_H
#define NARAE_LIB_DRIVER_ACTIVATIONLOSS_H

#include "lib/driver/Session.h"

namespace narae::driver {

/// Measures every kernel of a configured module that quantises activations,
/// and adds `loss_rms` and `loss_max` to its configuration: its first weight's
/// rows (at most 256, for the first of several matrices) times 16 vectors of
/// standard normal numbers, computed by the host's kernels with and without
/// quantised activations; the root mean square and the largest of the
/// differences, relative to those of the exact products. Nothing is added
/// without weights, or where the host's own kernels do not quantise. False
/// after a diagnostic.
bool measureActivationLoss(mlir::ModuleOp module, WeightStore &weights,
                           const CompileOptions &options);

} // namespace narae::driver

#endif // NARAE_LIB_DRIVER_ACTIVATIONLOSS_H
