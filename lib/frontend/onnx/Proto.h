//===- Proto.h - The ONNX messages without their warnings -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_PROTO_H
#define NARAE_LIB_FRONTEND_ONNX_PROTO_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "onnx-ml.pb.h"
#pragma GCC diagnostic pop

#endif // NARAE_LIB_FRONTEND_ONNX_PROTO_H
