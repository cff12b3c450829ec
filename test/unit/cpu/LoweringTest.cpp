//===- LoweringTest.cpp - The pipeline below the emitters -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/codegen/Lowering.h"
#include "backends/cpu/compiler/Codegen.h"
#include "backends/cpu/compiler/KernelModule.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace narae;

namespace {

/// Compiles functions of arith, math and vector. Empty with `error` set when
/// that fails.
std::string compileText(const char *text, std::string &error) {
  MLIRContext context;
  codegen::loadKernelDialects(&context);
  auto module = parseSourceString<ModuleOp>(text, &context);
  auto target = cpu::parseTarget("cpu", error);
  if (!module || !target ||
      failed(codegen::lowerToLLVMDialect(*module, /*expandBf16=*/true)))
    return "";
  auto job = cpu::translate(*module), memory = cpu::memoryFunctionsJob();
  cpu::compileJob(*job, *target, {});
  cpu::compileJob(*memory, *target, {});
  error = job->error + memory->error;
  std::string result;
  if (error.empty())
    cpu::linkShared({job->object}, memory->object, result, error);
  return result;
}

TEST(CpuLowering, VectorMath) {
  std::string error;
  std::string object = compileText(R"mlir(
    func.func @f(%in: !llvm.ptr, %out: !llvm.ptr) {
      %x = llvm.load %in : !llvm.ptr -> vector<24xf32>
      %s = vector.shape_cast %x : vector<24xf32> to vector<2x12xf32>
      %t = math.tanh %s : vector<2x12xf32>
      %u = vector.shape_cast %t : vector<2x12xf32> to vector<24xf32>
      %e = math.exp %x : vector<24xf32>
      %d = vector.extract_strided_slice %x {offsets = [0], sizes = [3], strides = [1]} : vector<24xf32> to vector<3xf32>
      %w = arith.extf %d : vector<3xf32> to vector<3xf64>
      %l = math.cos %w : vector<3xf64>
      %n = arith.truncf %l : vector<3xf64> to vector<3xf32>
      %p = arith.addf %u, %e : vector<24xf32>
      %r = vector.insert_strided_slice %n, %p {offsets = [0], strides = [1]} : vector<3xf32> into vector<24xf32>
      llvm.store %r, %out : vector<24xf32>, !llvm.ptr
      return
    })mlir",
                                   error);
  ASSERT_EQ(error, "");
  int fd = memfd_create("lowering", 0);
  ASSERT_EQ(write(fd, object.data(), object.size()),
            static_cast<ssize_t>(object.size()));
  void *handle =
      dlopen(("/proc/self/fd/" + std::to_string(fd)).c_str(), RTLD_NOW);
  ASSERT_TRUE(handle) << dlerror();
  auto f =
      reinterpret_cast<void (*)(const float *, float *)>(dlsym(handle, "f"));
  ASSERT_TRUE(f);
  alignas(128) float x[32], r[32];
  for (int i = 0; i < 24; ++i)
    x[i] = 0.3f * i - 3;
  f(x, r);
  for (int i = 0; i < 24; ++i) {
    double want = i < 3 ? std::cos(double(x[i]))
                        : std::tanh(double(x[i])) + std::exp(double(x[i]));
    EXPECT_NEAR(r[i], want, 1e-6 * std::abs(want) + 1e-7) << i;
  }
  dlclose(handle);
  close(fd);
}

TEST(CpuLowering, UndefinedSymbolIsAnInternalError) {
  std::string error;
  EXPECT_EQ(compileText(R"mlir(
    llvm.func @libm_missing(f32) -> f32
    func.func @f(%x: f32) -> f32 {
      %r = llvm.call @libm_missing(%x) : (f32) -> f32
      return %r : f32
    })mlir",
                        error),
            "");
  EXPECT_NE(error.find("internal error"), std::string::npos) << error;
  EXPECT_NE(error.find("libm_missing"), std::string::npos) << error;
}

TEST(CpuLowering, MemoryFunctionsAreBroughtAlong) {
  std::string error;
  compileText(R"mlir(
    func.func @f(%to: !llvm.ptr, %from: !llvm.ptr, %size: i64) {
      "llvm.intr.memmove"(%to, %from, %size) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
      return
    })mlir",
              error);
  EXPECT_EQ(error, "");
}

} // namespace
