//===- Missing.cpp - Built without OpenCL ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/opencl/OpenClDatapath.h"

using namespace narae;
using namespace narae::npu;

static Status missing() {
  return Status::error("Narae was built without OpenCL: install its headers "
                       "(the package opencl-headers) and build again");
}

Expected<std::unique_ptr<Datapath>>
narae::npu::makeOpenClDatapath(const Machine &machine) {
  return missing();
}

Expected<std::string> narae::npu::findOpenClDevice() { return missing(); }
