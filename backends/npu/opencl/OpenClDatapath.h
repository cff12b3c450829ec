//===- OpenClDatapath.h - Operations on an OpenCL device ------ -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functional simulator on any OpenCL device. Scratchpads and accumulators
// live on the device, and all that tensor and vector engines compute; DRAM,
// shared memories and the host's, which may be larger than any device, stay in
// the memory of this process, and descriptors move between the two.
//
// The ICD loader (libOpenCL.so.1) is opened when a datapath is made, so nothing
// needs it to start.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_OPENCL_OPENCLDATAPATH_H
#define NARAE_BACKENDS_NPU_OPENCL_OPENCLDATAPATH_H

#include "backends/npu/simulator/Datapath.h"

namespace narae::npu {

/// On the first device whose arithmetic is that of the instruction set:
/// subnormals, fused multiply-adds, and correctly rounded quotients and roots
/// or binary64. Fails without loader or such a device and says what each device
/// lacks and which package gives one.
Expected<std::unique_ptr<Datapath>> makeOpenClDatapath(const Machine &machine);

/// The name of the device that `makeOpenClDatapath` takes.
Expected<std::string> findOpenClDevice();

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_OPENCL_OPENCLDATAPATH_H
