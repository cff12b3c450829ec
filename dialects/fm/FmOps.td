//===- FmOps.td - All ops of the fm dialect ----------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_OPS
#define NARAE_FM_OPS

include "dialects/fm/FmTypes.td"
include "dialects/fm/FmPanels.td"
include "dialects/fm/FmElementwise.td"
include "dialects/fm/FmData.td"
include "dialects/fm/FmReduce.td"
include "dialects/fm/FmNN.td"
include "dialects/fm/FmLanguage.td"
include "dialects/fm/FmControl.td"
include "dialects/fm/FmState.td"
include "dialects/fm/FmText.td"

#endif // NARAE_FM_OPS
