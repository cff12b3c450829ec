//===- RtDialect.h - The host program ---------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_RT_RTDIALECT_H
#define NARAE_DIALECTS_RT_RTDIALECT_H

#include "dialects/fm/FmDialect.h"
#include "dialects/hbm/HbmDialect.h"

#include "dialects/rt/RtDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/rt/RtOps.h.inc"

#endif // NARAE_DIALECTS_RT_RTDIALECT_H
