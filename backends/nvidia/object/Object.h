//===- Object.h - The container of compiled kernels ------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels by name and the modules that hold their code. The writer is the
// compiler, the reader the driver, which believes nothing that it reads.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NVIDIA_OBJECT_OBJECT_H
#define NARAE_BACKENDS_NVIDIA_OBJECT_OBJECT_H

#include "lib/artifact/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narae::nvidia {

/// One PTX module and what came of it.
struct ModuleImage {
  std::string ptx;
  std::string cubin;   ///< machine code of the object's chip, or empty
  std::string bitcode; ///< optimised LLVM bitcode for the emulator, or empty
};

/// A kernel, which takes pointers of `buffers`, `params` as 64-bit integers,
/// a pointer to scratch memory and the bytes of it that each thread has.
struct KernelInfo {
  std::string name;  ///< as launches know it
  std::string entry; ///< its symbol in the module
  uint32_t module = 0;
  uint32_t buffers = 0, params = 0;
  uint32_t threads = 0; ///< of a block
};

struct KernelObject {
  std::string chip; ///< "sm_80": what the PTX is written for
  std::vector<ModuleImage> modules;
  std::vector<KernelInfo> kernels;
};

/// Bytes of the parameters of a kernel that PTX allows (sm_70 to CUDA 12.0).
inline constexpr size_t kMaxParameterBytes = 4096;
/// Threads of a block that every GPU has.
inline constexpr uint32_t kMaxBlockThreads = 1024;

/// The same bytes for the same object.
std::string writeObject(const KernelObject &object);
/// An error where the bytes are no object, or one that contradicts itself.
Expected<KernelObject> readObject(std::string_view bytes);

} // namespace narae::nvidia

#endif // NARAE_BACKENDS_NVIDIA_OBJECT_OBJECT_H
