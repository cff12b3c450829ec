//===- KernelTest.cpp - Kernels compiled, loaded and run ------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are written as text, go through the backend's C table as any other
// backend's would, and run in this process; references are computed in double.
//
//===----------------------------------------------------------------------===//

#include "backends/cpu/compiler/CpuCompiler.h"
#include "dialects/rt/RtDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace narae;

namespace {

const NaraeBackendCompiler &compiler() { return *narae_cpu_compiler(); }

void append(void *context, const char *data, size_t size) {
  static_cast<std::string *>(context)->append(data, size);
}
void appendError(void *context, const char *location, const char *message) {
  *static_cast<std::string *>(context) += std::string(message) + "\n";
}

/// A module of kernels on its way from text to functions.
class Kernels {
public:
  explicit Kernels(const std::string &text, const char *target = "cpu",
                   int threads = 2) {
    context.loadDialect<fm::FmDialect, hbm::HbmDialect, rt::RtDialect,
                        func::FuncDialect>();
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    if (!module)
      return;
    options = {sizeof(options), {target, strlen(target)}, 3, 0, threads, 0, 0};
    NaraeDiagnosticSink sink = {&errors, appendError};
    failed = compiler().configure(module->getOperation(), &options, &sink) ||
             compiler().compile(module->getOperation(), &options, append,
                                &object, &sink);
  }
  ~Kernels() {
    if (handle)
      dlclose(handle);
  }
  /// Loads the object and finds a kernel.
  NaraeHostKernelFn function(const char *name) {
    if (!handle) {
      int fd = memfd_create("kernels", 0);
      EXPECT_EQ(write(fd, object.data(), object.size()),
                static_cast<ssize_t>(object.size()));
      // Equal paths would mean the same object to the dynamic linker.
      static int serial = 0;
      std::string path = "/proc/self/";
      for (int i = serial++; i > 0; --i)
        path += "./";
      handle = dlopen((path + "fd/" + std::to_string(fd)).c_str(),
                      RTLD_NOW | RTLD_LOCAL);
      close(fd);
      EXPECT_TRUE(handle) << dlerror();
      if (!handle)
        return nullptr;
    }
    return reinterpret_cast<NaraeHostKernelFn>(dlsym(handle, name));
  }
  /// Runs all parts of a kernel one after the other.
  void run(const char *name, std::vector<void *> buffers,
           std::vector<int64_t> params, int64_t parts) {
    NaraeHostKernelFn fn = function(name);
    ASSERT_TRUE(fn);
    std::vector<char> scratch(1 << 20);
    for (int64_t part = 0; part < parts; ++part)
      fn(buffers.data(), params.data(), part, parts, scratch.data());
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  NaraeCompileOptions options;
  std::string object, errors;
  bool failed = true;

private:
  void *handle = nullptr;
};

const char *kSymbol = "{kind = \"param\", min = 1 : i64, max = 4096 : i64}";

/// relu(a + b) of [s0, 48] and [48], in f32.
std::string addRelu() {
  return std::string("rt.kernel @add_relu attributes {symbols = [") + kSymbol +
         R"mlir(],
    arg_dims = [affine_map<()[s0] -> (s0, 48)>, affine_map<()[s0] -> (48)>],
    result_dims = [affine_map<()[s0] -> (s0, 48)>], nodes = ["n"],
    device = "cpu"} {
  ^bb0(%a: tensor<?x48xf32>, %b: tensor<48xf32>):
    %0 = fm.add %a, %b : (tensor<?x48xf32>, tensor<48xf32>) -> tensor<?x48xf32>
    %1 = fm.relu %0 : (tensor<?x48xf32>) -> tensor<?x48xf32>
    fm.yield %1 : tensor<?x48xf32>
  }
)mlir";
}

std::string unary(const std::string &op, const std::string &name) {
  return "rt.kernel @" + name + " attributes {symbols = [" + kSymbol +
         R"mlir(],
    arg_dims = [affine_map<()[s0] -> (s0)>],
    result_dims = [affine_map<()[s0] -> (s0)>], nodes = [], device = "cpu"} {
  ^bb0(%a: tensor<?xf32>):
    %0 = )mlir" +
         op + R"mlir( %a : (tensor<?xf32>) -> tensor<?xf32>
    fm.yield %0 : tensor<?xf32>
  }
)mlir";
}

std::string rows(const std::string &name, const std::string &op,
                 const std::string &attrs, const std::string &result,
                 const std::string &dims) {
  return "rt.kernel @" + name + " attributes {symbols = [" + kSymbol +
         "], arg_dims = [affine_map<()[s0] -> (s0, 100)>], result_dims = "
         "[affine_map<()[s0] -> " +
         dims +
         ">], nodes = [], device = \"cpu\"} {\n  ^bb0(%a: "
         "tensor<?x100xf32>):\n    %0 = " +
         op + " %a " + attrs + " : (tensor<?x100xf32>) -> " + result +
         "\n    fm.yield %0 : " + result + "\n  }\n";
}

std::vector<float> ramp(size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i)
    values[i] = std::sin(0.37 * i) * 3 - 0.2f;
  return values;
}

TEST(CpuKernels, Elementwise) {
  Kernels kernels(addRelu());
  ASSERT_FALSE(kernels.failed) << kernels.errors;
  auto a = ramp(7 * 48), b = ramp(48);
  std::vector<float> r(a.size(), -1);
  for (int64_t parts : {1, 3, 16}) {
    std::fill(r.begin(), r.end(), -1);
    kernels.run("add_relu", {a.data(), b.data(), r.data()}, {7}, parts);
    for (size_t i = 0; i < r.size(); ++i)
      ASSERT_EQ(r[i], std::max(a[i] + b[i % 48], 0.0f)) << i;
  }
}

TEST(CpuKernels, MathFunctions) {
  struct {
    const char *name;
    double (*reference)(double);
  } functions[] = {{"exp", std::exp},     {"tanh", std::tanh},
                   {"erf", std::erf},     {"sin", std::sin},
                   {"cos", std::cos},     {"sinh", std::sinh},
                   {"atan", std::atan},   {"asinh", std::asinh},
                   {"floor", std::floor}, {"sqrt", std::sqrt}};
  std::string text;
  for (auto &f : functions)
    text += unary(std::string("fm.") + f.name, std::string("k_") + f.name);
  Kernels kernels(text);
  ASSERT_FALSE(kernels.failed) << kernels.errors;
  auto x = ramp(1000);
  std::vector<float> r(x.size());
  for (auto &f : functions) {
    kernels.run((std::string("k_") + f.name).c_str(), {x.data(), r.data()},
                {1000}, 2);
    for (size_t i = 0; i < x.size(); ++i) {
      double want = f.reference(x[i]);
      if (std::isnan(want))
        ASSERT_TRUE(std::isnan(r[i])) << f.name << x[i];
      else
        ASSERT_NEAR(r[i], want, 3e-7 * std::abs(want)) << f.name << x[i];
    }
  }
}

/// A kernel of one op on operands of a type.
std::string binary(const std::string &op, const std::string &name,
                   const std::string &type, const std::string &attrs = "") {
  std::string tensor = "tensor<?x" + type + ">";
  return "rt.kernel @" + name + " attributes {symbols = [" + kSymbol +
         "], arg_dims = [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> "
         "(s0)>], result_dims = [affine_map<()[s0] -> (s0)>], nodes = [], "
         "device = \"cpu\"} {\n  ^bb0(%a: " +
         tensor + ", %b: " + tensor + "):\n    %0 = " + op + " %a, %b " +
         attrs + " : (" + tensor + ", " + tensor + ") -> " + tensor +
         "\n    fm.yield %0 : " + tensor + "\n  }\n";
}

std::string cast(const std::string &from, const std::string &to) {
  return "rt.kernel @" + from + "_" + to + " attributes {symbols = [" +
         kSymbol +
         "], arg_dims = [affine_map<()[s0] -> (s0)>], result_dims = "
         "[affine_map<()[s0] -> (s0)>], nodes = [], device = \"cpu\"} {\n"
         "  ^bb0(%a: tensor<?x" +
         from + ">):\n    %0 = fm.cast %a {to = " + to + "} : (tensor<?x" +
         from + ">) -> tensor<?x" + to + ">\n    fm.yield %0 : tensor<?x" + to +
         ">\n  }\n";
}

TEST(CpuKernels, NothingStaysUndefined) {
  // Types and ops that a run-time library or libm usually serves.
  std::string text;
  for (const char *type : {"f64", "f32", "f16", "bf16"}) {
    std::string t = type;
    text += binary("fm.pow", "pow_" + t, t);
    text += binary("fm.mod", "mod_" + t, t, "{fmod}");
    text += binary("fm.div", "div_" + t, t);
    for (const char *to : {"f64", "f32", "f16", "bf16", "i64", "i8"})
      if (t != to) {
        text += cast(t, to);
        if (to[0] == 'i')
          text += cast(to, t);
      }
  }
  text += binary("fm.pow", "pow_i64", "i64");
  for (const char *target : {"cpu", "cpu:x86-64-v3", "cpu:x86-64-v4"}) {
    Kernels kernels(text, target);
    ASSERT_FALSE(kernels.failed) << kernels.errors;
  }
}

TEST(CpuKernels, DoubleToHalfRoundsOnce) {
  Kernels kernels(cast("f64", "f16") + cast("f64", "bf16"), "cpu:x86-64-v3");
  ASSERT_FALSE(kernels.failed) << kernels.errors;
  // Just above the middle of 1 and its successor.
  double x[] = {1.0 + 0x1p-11 + 0x1p-40, 1.0 + 0x1p-8 + 0x1p-40, -2.0};
  uint16_t half[3], brain[3];
  kernels.run("f64_f16", {x, half}, {3}, 1);
  kernels.run("f64_bf16", {x, brain}, {3}, 1);
  EXPECT_EQ(half[0], 0x3c01);
  EXPECT_EQ(half[2], 0xc000);
  EXPECT_EQ(brain[0], 0x3f80);
  EXPECT_EQ(brain[1], 0x3f81);
}

TEST(CpuKernels, ReduceAndSoftmax) {
  std::string text =
      rows("sum", "fm.reduce",
           "{kind = \"sum\", axes = array<i64: 1>, keep_dims = false}",
           "tensor<?xf32>", "(s0)") +
      rows("softmax", "fm.softmax", "{axis = 1 : i64}", "tensor<?x100xf32>",
           "(s0, 100)");
  Kernels kernels(text);
  ASSERT_FALSE(kernels.failed) << kernels.errors;
  auto x = ramp(5 * 100);
  std::vector<float> sum(5), soft(500);
  kernels.run("sum", {x.data(), sum.data()}, {5}, 2);
  kernels.run("softmax", {x.data(), soft.data()}, {5}, 2);
  for (int row = 0; row < 5; ++row) {
    double total = 0, exps = 0;
    for (int i = 0; i < 100; ++i) {
      total += x[row * 100 + i];
      exps += std::exp(static_cast<double>(x[row * 100 + i]));
    }
    EXPECT_NEAR(sum[row], total, 1e-4);
    for (int i = 0; i < 100; ++i)
      ASSERT_NEAR(soft[row * 100 + i],
                  std::exp(static_cast<double>(x[row * 100 + i])) / exps, 1e-6);
  }
}

TEST(CpuKernels, ConfigureDescribesTheKernel) {
  Kernels kernels(addRelu());
  ASSERT_FALSE(kernels.failed) << kernels.errors;
  auto kernel = *kernels.module->getOps<rt::KernelOp>().begin();
  ASSERT_TRUE(kernel.getConfigAttr());
  EXPECT_TRUE(kernel.getConfigAttr().getAs<StringAttr>("emitter"));
  ASSERT_TRUE(kernel.getWorkAttr());
  EXPECT_EQ(kernel.getWorkAttr().getValue().getNumResults(), 1u);
}

TEST(CpuKernels, SameObjectForAnyNumberOfThreads) {
  std::string text;
  for (int i = 0; i < 9; ++i)
    text += unary("fm.exp", "k" + std::to_string(i));
  Kernels one(text, "cpu:x86-64-v3", 1), four(text, "cpu:x86-64-v3", 4);
  ASSERT_FALSE(one.failed) << one.errors;
  EXPECT_EQ(one.object, four.object);
  EXPECT_EQ(one.object.find("/tmp"), std::string::npos);
}

TEST(CpuTargets, DescribeAndRefuse) {
  std::string text, errors;
  NaraeDiagnosticSink sink = {&errors, appendError};
  auto describe = [&](const char *name) {
    text.clear();
    errors.clear();
    return compiler().describe_target({name, strlen(name)}, append, &text,
                                      &sink);
  };
  EXPECT_EQ(describe("cpu:x86-64-v3"), 0);
  EXPECT_NE(text.find("\"chip\": \"x86-64-v3\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"avx2\""), std::string::npos);
  EXPECT_EQ(text.find("avx512"), std::string::npos);
  EXPECT_EQ(describe("cpu"), 0);
  EXPECT_EQ(describe("cpu:pentium"), 1);
  EXPECT_NE(errors.find("cpu:x86-64-v4"), std::string::npos) << errors;
}

TEST(CpuTargets, SupportsNamesTheReason) {
  MLIRContext context;
  context.loadDialect<fm::FmDialect, func::FuncDialect>();
  auto module = parseSourceString<ModuleOp>(R"mlir(
    func.func @f(%a: tensor<4xf32>, %c: tensor<4xf8E4M3FN>) {
      %0 = fm.exp %a : (tensor<4xf32>) -> tensor<4xf32>
      %1 = fm.neg %c : (tensor<4xf8E4M3FN>) -> tensor<4xf8E4M3FN>
      return
    })mlir",
                                            &context);
  ASSERT_TRUE(module);
  NaraeCompileOptions options = {sizeof(options), {"cpu", 3}, 3, 0, 1, 0, 0};
  std::string errors;
  NaraeDiagnosticSink sink = {&errors, appendError};
  module->walk([&](fm::ExpOp op) {
    EXPECT_EQ(compiler().supports(op.getOperation(), &options, &sink), 0);
  });
  EXPECT_EQ(errors, "");
  module->walk([&](fm::NegOp op) {
    EXPECT_EQ(compiler().supports(op.getOperation(), &options, &sink), 1);
  });
  EXPECT_NE(errors.find("cast the operands to f32"), std::string::npos)
      << errors;
}

} // namespace
