//===- KernelHarness.cpp - Kernels from text, compiled and run ------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include "backends/cpu/compiler/CpuCompiler.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace narae;
using namespace narae::test;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static bool isNumber(const std::string &s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return std::isdigit(c); });
}

std::string TensorText::type() const {
  std::string text = "tensor<";
  for (const std::string &dim : dims)
    text += (isNumber(dim) ? dim : "?") + "x";
  return text + element + ">";
}

std::string TensorText::map(int symbols) const {
  std::string text = "affine_map<()[";
  for (int i = 0; i < symbols; ++i)
    text += (i ? ", s" : "s") + std::to_string(i);
  text += "] -> (";
  for (size_t i = 0; i < dims.size(); ++i)
    text += (i ? ", " : "") + dims[i];
  return text + ")>";
}

std::string KernelText::signature(const std::vector<TensorText> &operands,
                                  const TensorText &result) {
  std::string text = "(";
  for (size_t i = 0; i < operands.size(); ++i)
    text += (i ? ", " : "") + operands[i].type();
  return text + ") -> " + result.type();
}

std::string KernelText::str() const {
  std::string text = "rt.kernel @" + name + " attributes {symbols = [";
  for (int i = 0; i < symbols; ++i)
    text += std::string(i ? ", " : "") +
            "{kind = \"param\", min = 0 : i64, max = 1048576 : i64}";
  auto maps = [&](const std::vector<TensorText> &tensors) {
    std::string list;
    for (size_t i = 0; i < tensors.size(); ++i)
      list += (i ? ", " : "") + tensors[i].map(symbols);
    return list;
  };
  text += "], arg_dims = [" + maps(args) + "], result_dims = [" +
          maps(results) + "], nodes = [], device = \"cpu\"} {\n^bb0(";
  for (size_t i = 0; i < args.size(); ++i)
    text += (i ? ", %a" : "%a") + std::to_string(i) + ": " + args[i].type();
  text += "):\n" + body + "\nfm.yield ";
  for (size_t i = 0; i < yields.size(); ++i)
    text += (i ? ", " : "") + yields[i];
  text += " : ";
  for (size_t i = 0; i < results.size(); ++i)
    text += (i ? ", " : "") + results[i].type();
  return text + "\n}\n";
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Buffer::Buffer(size_t bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  // Inaccessible pages on both sides.
  size_t inner = (bytes + page - 1) / page * page;
  size = inner + 2 * page;
  base = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    std::abort();
  char *first = static_cast<char *>(base) + page;
  if (inner)
    mprotect(first, inner, PROT_READ | PROT_WRITE);
  std::memset(first, 0xcd, inner);
  start = first + inner - bytes;
}

Buffer::~Buffer() {
  if (base)
    munmap(base, size);
}

std::vector<float> test::values(size_t count, unsigned seed) {
  std::vector<float> result(count);
  unsigned state = seed * 2654435761u + 12345;
  for (float &value : result) {
    state = state * 1664525u + 1013904223u;
    value = (int(state >> 20) % 257 - 128) / 64.0f;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static void append(void *context, const char *data, size_t size) {
  static_cast<std::string *>(context)->append(data, size);
}

static void appendError(void *context, const char *location,
                        const char *message) {
  *static_cast<std::string *>(context) += std::string(message) + "\n";
}

Kernels::Kernels(const std::string &text, const std::string &target) {
  context.loadDialect<fm::FmDialect, hbm::HbmDialect, rt::RtDialect,
                      func::FuncDialect>();
  module = parseSourceString<ModuleOp>(text, &context);
  if (!module) {
    errors = "cannot parse:\n" + text;
    return;
  }
  const NaraeBackendCompiler &compiler = *narae_cpu_compiler();
  NaraeCompileOptions options = {
      sizeof(options), {target.data(), target.size()}, 3, 0, 1, 0, 0};
  NaraeDiagnosticSink sink = {&errors, appendError};
  int failed = compiler.configure(module->getOperation(), &options, &sink) ||
               compiler.compile(module->getOperation(), &options, append,
                                &object, &sink);
  if (failed && errors.empty())
    errors = "failed without a message";
}

Kernels::~Kernels() {
  if (handle)
    dlclose(handle);
}

rt::KernelOp Kernels::kernel(const std::string &name) {
  return module->lookupSymbol<rt::KernelOp>(name);
}

std::string Kernels::emitter(const std::string &name) {
  return cast<StringAttr>(kernel(name).getConfigAttr().get("emitter"))
      .getValue()
      .str();
}

NaraeHostKernelFn Kernels::function(const std::string &name) {
  if (!handle) {
    int fd = memfd_create("kernels", 0);
    if (write(fd, object.data(), object.size()) != ssize_t(object.size()))
      std::abort();
    // Equal paths would mean the same object to the dynamic linker.
    static int serial = 0;
    std::string path = "/proc/self/";
    for (int i = serial++ % 1000; i > 0; --i)
      path += "./";
    handle = dlopen((path + "fd/" + std::to_string(fd)).c_str(),
                    RTLD_NOW | RTLD_LOCAL);
    close(fd);
    if (!handle) {
      errors += dlerror();
      return nullptr;
    }
  }
  return reinterpret_cast<NaraeHostKernelFn>(dlsym(handle, name.c_str()));
}

int64_t Kernels::scratchBytes(const std::string &name,
                              const std::vector<int64_t> &params) {
  std::optional<AffineMap> map = kernel(name).getScratch();
  if (!map)
    return 0;
  SmallVector<AffineExpr> symbols;
  for (int64_t param : params)
    symbols.push_back(getAffineConstantExpr(param, &context));
  AffineExpr expr = map->getResult(0).replaceSymbols(symbols);
  return cast<AffineConstantExpr>(expr).getValue();
}

std::vector<float> Kernels::run(const std::vector<std::vector<float>> &inputs,
                                const std::vector<size_t> &outputs,
                                const std::vector<int64_t> &params,
                                int64_t parts, const std::string &name) {
  std::vector<Buffer> buffers;
  std::vector<void *> pointers;
  for (const std::vector<float> &input : inputs) {
    buffers.emplace_back(input.size() * 4);
    std::copy(input.begin(), input.end(), buffers.back().floats());
    pointers.push_back(buffers.back().data());
  }
  for (size_t count : outputs) {
    buffers.emplace_back(count * 4);
    pointers.push_back(buffers.back().data());
  }
  NaraeHostKernelFn fn = function(name);
  if (!fn)
    return {};
  for (int64_t part = 0; part < parts; ++part) {
    Buffer scratch((scratchBytes(name, params) + 63) / 64 * 64);
    fn(pointers.data(), params.data(), part, parts, scratch.data());
  }
  std::vector<float> result;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const float *from = buffers[inputs.size() + i].floats();
    result.insert(result.end(), from, from + outputs[i]);
  }
  return result;
}

std::vector<std::string> test::hostTargets() {
  std::vector<std::string> targets = {"cpu:x86-64-v3"};
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    targets.push_back("cpu:x86-64-v4");
  return targets;
}
