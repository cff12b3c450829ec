//===- Object.cpp - The container of compiled kernels --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/nvidia/object/Object.h"
#include "backends/nvidia/object/Object_generated.h"
#include "lib/artifact/Hash.h"

#include <algorithm>
#include <cstring>
#include <memory>

using namespace narae;
using namespace narae::nvidia;

static uint64_t hashOf(const ModuleImage &image) {
  artifact::Hasher hasher;
  for (const std::string *part : {&image.ptx, &image.cubin, &image.bitcode})
    hasher.add(part->data(), part->size());
  return hasher.finish();
}

static std::vector<uint8_t> bytesOf(const std::string &text) {
  return std::vector<uint8_t>(text.begin(), text.end());
}

std::string nvidia::writeObject(const KernelObject &object) {
  fb::ObjectT root;
  root.chip = object.chip;
  for (const ModuleImage &image : object.modules) {
    auto module = std::make_unique<fb::ModuleT>();
    module->ptx = image.ptx;
    module->cubin = bytesOf(image.cubin);
    module->bitcode = bytesOf(image.bitcode);
    module->hash = hashOf(image);
    root.modules.push_back(std::move(module));
  }
  for (const KernelInfo &info : object.kernels) {
    auto kernel = std::make_unique<fb::KernelT>();
    kernel->name = info.name;
    kernel->entry = info.entry;
    kernel->module_ = info.module;
    kernel->buffers = info.buffers;
    kernel->params = info.params;
    kernel->threads = info.threads;
    root.kernels.push_back(std::move(kernel));
  }
  std::sort(root.kernels.begin(), root.kernels.end(),
            [](const auto &a, const auto &b) { return a->name < b->name; });
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishObjectBuffer(builder, fb::CreateObject(builder, &root));
  return std::string(reinterpret_cast<const char *>(builder.GetBufferPointer()),
                     builder.GetSize());
}

static std::string textOf(const flatbuffers::Vector<uint8_t> *bytes) {
  return bytes ? std::string(reinterpret_cast<const char *>(bytes->data()),
                             bytes->size())
               : std::string();
}

/// What is wrong with a kernel's numbers; empty when nothing is.
static std::string problemOf(const fb::Kernel &kernel, uint32_t modules) {
  if (kernel.module_() >= modules)
    return "is in a module that does not exist";
  if (kernel.threads() == 0 || kernel.threads() > kMaxBlockThreads)
    return "has blocks of " + std::to_string(kernel.threads()) + " threads";
  uint64_t slots = uint64_t(kernel.buffers()) + kernel.params() + 2;
  if (slots * 8 > kMaxParameterBytes)
    return "has more parameters than PTX allows";
  return "";
}

Expected<KernelObject> nvidia::readObject(std::string_view bytes) {
  const auto *data = reinterpret_cast<const uint8_t *>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size());
  if (bytes.size() < 16 || !fb::ObjectBufferHasIdentifier(data) ||
      !fb::VerifyObjectBuffer(verifier))
    return Status::error("the object is not one of this backend's, or damaged");
  const fb::Object &root = *fb::GetObject(data);
  KernelObject object;
  object.chip = root.chip()->str();
  for (const fb::Module *module : *root.modules()) {
    object.modules.push_back({module->ptx()->str(), textOf(module->cubin()),
                              textOf(module->bitcode())});
    if (hashOf(object.modules.back()) != module->hash())
      return Status::error("a module of the object is damaged: its hash is "
                           "not what the object says");
  }
  for (const fb::Kernel *kernel : *root.kernels()) {
    std::string name = kernel->name()->str();
    if (std::string problem = problemOf(*kernel, root.modules()->size());
        !problem.empty())
      return Status::error("kernel '" + name + "' " + problem);
    object.kernels.push_back({std::move(name), kernel->entry()->str(),
                              kernel->module_(), kernel->buffers(),
                              kernel->params(), kernel->threads()});
  }
  return object;
}
