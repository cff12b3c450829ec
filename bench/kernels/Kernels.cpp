//===- Kernels.cpp - Speed of contraction kernels on one thread -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are compiled as in a model and called part 0 of 1. Rounds of the
// kernel and of a loop of fused multiply-adds alternate; the best of each is
// compared, which on a noisy machine says most.
//
//   narae-bench-kernels [filter [seconds for each]]
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "Peak.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace narae::bench;
using namespace narae::test;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

namespace {

struct Bench {
  std::string name;
  double flops; ///< of one call
  double bytes; ///< that must come from memory at least, in one call
  KernelText text;
};

std::string num(int64_t i) { return std::to_string(i); }

Bench matmul(int64_t m, int64_t k, int64_t n, int64_t width, bool gelu) {
  KernelText text;
  TensorText panels{{num((n + width - 1) / width), num(k), num(width)}};
  text.args = {{{num(m), num(k)}}, panels, {{num(n)}}};
  TensorText r{{num(m), num(n)}};
  text.results = {r};
  text.body = "%n = fm.constant dense<" + num(n) +
              "> : tensor<1xi64> : tensor<1xi64>\n%0 = fm.packed_matmul %a0, "
              "%a1, %n, %a2 : (" +
              text.args[0].type() + ", " + panels.type() + ", tensor<1xi64>, " +
              text.args[2].type() + ") -> " + r.type();
  text.yields = {"%0"};
  if (gelu) {
    text.body += "\n%1 = fm.gelu %0 : " + KernelText::signature({r}, r);
    text.yields = {"%1"};
  }
  return {"matmul " + num(m) + "x" + num(k) + "x" + num(n) +
              (gelu ? " gelu" : ""),
          2.0 * m * k * n, 4.0 * k * n, text};
}

Bench unpacked(int64_t batch, int64_t m, int64_t k, int64_t n,
               bool transposed) {
  KernelText text;
  text.args = {
      {{num(batch), num(m), num(k)}},
      {{num(batch), num(transposed ? n : k), num(transposed ? k : n)}}};
  text.results = {{{num(batch), num(m), num(n)}}};
  text.body = std::string("%0 = fm.matmul %a0, %a1 ") +
              (transposed ? "{transpose_rhs} : " : ": ") +
              KernelText::signature(text.args, text.results[0]);
  text.yields = {"%0"};
  return {"unpacked " + num(batch) + "x" + num(m) + "x" + num(k) + "x" +
              num(n) + (transposed ? " t" : ""),
          2.0 * batch * m * k * n, 4.0 * batch * (m * k + k * n), text};
}

/// `m` rows by weights in bf16 panels, or in panel blocks of a format.
Bench packed(const std::string &type, int64_t m, int64_t k, int64_t n,
             int64_t width) {
  KernelText text;
  TensorText x{{num(m), num(k)}}, r{{num(m), num(n)}}, wide{{num(n), num(k)}};
  TensorText panels;
  std::string widen;
  double bytes;
  if (type == "bf16") {
    panels = {{num((n + width - 1) / width), num(k), num(width)}, "bf16"};
    TensorText matrix{{num(n), num(k)}, "bf16"};
    widen = "%u = fm.unpack_panels %a1 {n = " + num(n) +
            " : i64, transposed} : " + KernelText::signature({panels}, matrix) +
            "\n%w = fm.cast %u {to = f32} : " +
            KernelText::signature({matrix}, wide);
    bytes = 2.0 * k * n;
  } else {
    auto format = *narae::fm::findBlockFormat(type);
    int64_t size = narae::fm::panelBlockBytes(format);
    int64_t blocks = k / narae::fm::blockInfo(format).elements;
    panels = {{num((n + 15) / 16), num(blocks), num(size)}, "ui8"};
    widen = "%w = fm.block_panels %a1 {format = \"" + type +
            "\", n = " + num(n) +
            " : i64} : " + KernelText::signature({panels}, wide);
    bytes = double((n + 15) / 16) * blocks * size;
  }
  text.args = {x, panels};
  text.results = {r};
  text.body = widen + "\n%y = fm.matmul %a0, %w {transpose_rhs} : " +
              KernelText::signature({x, wide}, r);
  text.yields = {"%y"};
  return {"packed " + type + " " + num(m) + "x" + num(k) + "x" + num(n),
          2.0 * m * k * n, bytes, text};
}

Bench conv(int64_t c, int64_t o, int64_t size, int64_t window, int64_t stride,
           int64_t groups) {
  KernelText text;
  int64_t pad = window / 2, out = (size + 2 * pad - window) / stride + 1;
  TensorText r{{"1", num(o), num(out), num(out)}};
  text.args = {{{"1", num(c), num(size), num(size)}},
               {{num(o), num(c / groups), num(window), num(window)}},
               {{num(o)}}};
  text.results = {r};
  std::string p = num(pad), s = num(stride);
  text.body = "%0 = fm.conv %a0, %a1, %a2 {strides = array<i64: " + s + ", " +
              s + ">, pads = array<i64: " + p + ", " + p + ", " + p + ", " + p +
              ">, dilations = array<i64: 1, 1>, groups = " + num(groups) +
              " : i64} : " + KernelText::signature(text.args, r) +
              "\n%1 = fm.relu %0 : " + KernelText::signature({r}, r);
  text.yields = {"%1"};
  return {"conv " + num(c) + "->" + num(o) + " " + num(size) + "^2 " +
              num(window) + "x" + num(window) + "/" + s +
              (groups > 1 ? " g" + num(groups) : ""),
          2.0 * o * out * out * (c / groups) * window * window,
          4.0 * (c * size * size + o * out * out), text};
}

Bench attention(int64_t h, int64_t g, int64_t s, int64_t t, int64_t d) {
  KernelText text;
  TensorText kv{{"1", num(t), num(g), num(d)}};
  text.args = {
      {{"1", num(s), num(h), num(d)}}, kv, kv, {{"1", "1", "1", num(t)}}};
  text.results = {{{"1", num(s), num(h), num(d)}}};
  text.body = "%0 = fm.attention %a0, %a1, %a2, %a3 {scale = 0.125 : f64, "
              "q_bshd, kv_bshd, out_bshd} : " +
              KernelText::signature(text.args, text.results[0]);
  text.yields = {"%0"};
  return {"attention " + num(h) + "/" + num(g) + " heads " + num(s) + "x" +
              num(t) + "x" + num(d),
          4.0 * h * s * t * d, 8.0 * g * t * d, text};
}

Bench lstm(int64_t t, int64_t i, int64_t h) {
  KernelText text;
  TensorText state{{"1", "1", num(h)}};
  text.args = {{{num(t), "1", num(i)}},
               {{"1", num(4 * h), num(i)}},
               {{"1", num(4 * h), num(h)}},
               {{"1", num(8 * h)}}};
  text.results = {{{num(t), "1", "1", num(h)}}, state, state};
  std::string nan = "0x7FF8000000000000";
  nan = nan + ", " + nan + ", " + nan;
  text.body =
      "%0, %1, %2 = fm.recurrent %a0, %a1, %a2, %a3 {operandSegmentSizes = "
      "array<i32: 1, 1, 1, 1, 0, 0, 0, 0>, kind = \"lstm\", direction = "
      "\"forward\", activations = [\"Sigmoid\", \"Tanh\", \"Tanh\"], alpha = "
      "array<f64: " +
      nan + ">, beta = array<f64: " + nan + ">} : (" + text.args[0].type() +
      ", " + text.args[1].type() + ", " + text.args[2].type() + ", " +
      text.args[3].type() + ") -> (" + text.results[0].type() + ", " +
      state.type() + ", " + state.type() + ")";
  text.yields = {"%0", "%1", "%2"};
  return {"lstm " + num(t) + "x" + num(i) + "->" + num(h),
          8.0 * t * h * (i + h), 16.0 * t * h * (i + h), text};
}

size_t byteCount(const TensorText &tensor) {
  size_t count = tensor.element == "ui8" ? 1 : tensor.element == "bf16" ? 2 : 4;
  for (const std::string &dim : tensor.dims)
    count *= std::stoul(dim);
  return count;
}

void run(const Bench &bench, const std::string &target, double seconds) {
  double start = now();
  Kernels kernels(bench.text.str(), target);
  double compiled = now() - start;
  if (!kernels.ok()) {
    std::printf("%s: %s\n", bench.name.c_str(), kernels.errors.c_str());
    return;
  }
  std::vector<Buffer> buffers;
  std::vector<void *> pointers;
  auto add = [&](const TensorText &tensor) {
    // Whole cache lines, as the runtime has them.
    size_t count = (byteCount(tensor) + 63) / 64 * 16;
    buffers.emplace_back(count * 4);
    auto data = values(count, buffers.size());
    std::copy(data.begin(), data.end(), buffers.back().floats());
    pointers.push_back(buffers.back().data());
  };
  for (const TensorText &tensor : bench.text.args)
    add(tensor);
  for (const TensorText &tensor : bench.text.results)
    add(tensor);
  Buffer scratch((kernels.scratchBytes("kernel", {}) + 63) / 64 * 64);
  NaraeHostKernelFn fn = kernels.function();
  bool is512 = hostTargets().size() > 1 && target != "cpu:x86-64-v3";
  double best = 1e9, peak = 0;
  for (double until = now() + seconds; now() < until;) {
    double t = now();
    double done = runPeak(is512, 20000);
    peak = std::max(peak, done / (now() - t));
    t = now();
    fn(pointers.data(), nullptr, 0, 1, scratch.data());
    best = std::min(best, now() - t);
  }
  std::printf("%-34s %9.1f us %8.1f GFLOP/s %4.0f %% of %.0f %7.1f GB/s   "
              "compiled in %.0f ms (%s)\n",
              bench.name.c_str(), best * 1e6, bench.flops / best * 1e-9,
              100 * bench.flops / best / peak, peak * 1e-9,
              bench.bytes / best * 1e-9, compiled * 1e3,
              kernels.emitter().c_str());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  std::vector<std::string> targets = hostTargets();
  targets.push_back("cpu");
  bool has512 = targets.size() > 2;
  for (const std::string &target : targets) {
    int64_t width = target == "cpu:x86-64-v3" || !has512 ? 16 : 32;
    const Bench benches[] = {matmul(1024, 1024, 1024, width, false),
                             matmul(1024, 384, 1536, width, true),
                             matmul(1024, 1536, 384, width, false),
                             matmul(256, 1024, 256, width, false),
                             matmul(256, 1536, 384, width, false),
                             matmul(128, 384, 384, width, false),
                             matmul(16, 384, 1536, width, true),
                             matmul(1, 576, 49152, width, false),
                             matmul(4, 576, 1536, width, false),
                             unpacked(1, 512, 512, 512, false),
                             unpacked(1, 512, 512, 512, true),
                             unpacked(12, 128, 32, 128, true),
                             conv(64, 64, 56, 3, 1, 1),
                             conv(64, 256, 56, 1, 1, 1),
                             conv(256, 256, 14, 3, 1, 1),
                             conv(3, 16, 224, 3, 2, 1),
                             conv(24, 24, 160, 1, 1, 1),
                             conv(96, 96, 56, 3, 1, 96),
                             conv(96, 96, 56, 5, 2, 96),
                             attention(12, 12, 128, 128, 32),
                             attention(12, 12, 16, 16, 32),
                             attention(9, 3, 512, 512, 64),
                             attention(9, 3, 1, 512, 64),
                             packed("bf16", 1, 2048, 16384, width),
                             packed("q4_1", 1, 2048, 16384, width),
                             packed("q8_0", 1, 2048, 16384, width),
                             packed("q4_k", 1, 2048, 16384, width),
                             packed("q6_k", 1, 2048, 16384, width),
                             packed("q4_0", 1, 2048, 16384, width),
                             packed("q5_1", 1, 2048, 16384, width),
                             packed("q4_1", 1, 576, 1536, width),
                             packed("bf16", 128, 576, 1536, width),
                             packed("q4_1", 128, 576, 1536, width),
                             packed("q8_0", 128, 576, 1536, width),
                             packed("q4_k", 128, 2048, 2048, width),
                             lstm(4, 128, 128)};
    std::printf("%s, reading memory at %.1f GB/s\n", target.c_str(),
                streamSpeed() * 1e-9);
    for (const Bench &bench : benches)
      if (argc < 2 || bench.name.find(argv[1]) != std::string::npos)
        run(bench, target, argc < 3 ? 1 : std::atof(argv[2]));
  }
}
