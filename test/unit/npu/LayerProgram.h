//===- LayerProgram.h - Decoder layers as streams ------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A token through decoder layers on all cores, batch 1, as an assembler program
// with one code for each kind of stream. Every matrix is cut by columns over
// the cores; a core's tiles lie together in the pool of its chiplet and pass
// through a ring of buffers. After each matrix the cores exchange their pieces
// through the shared memories and a barrier. Attention is cut by head and
// context.
//
//   dma 0   tiles of weights and caches into the ring
//   tensor  products of what has come
//   vector  norms, softmax, activations, residuals
//   dma 1   pieces to all chiplets, a barrier, whole vectors back
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_NPU_LAYERPROGRAM_H
#define NARAE_TEST_UNIT_NPU_LAYERPROGRAM_H

#include "test/unit/npu/Timed.h"

namespace narae::npu::test {

struct LayerModel {
  int64_t hidden = 8192, heads = 64, groups = 8, headSize = 128, ff = 28672;
  int64_t context = 4096, vocabulary = 0; ///< 0: without the last product
  std::string type = "e4m3";              ///< or f16
  int64_t typeBytes() const { return type == "f16" ? 2 : 1; }
  /// Elements of a layer's matrices and of its caches.
  double matrices() const {
    double attention =
        double(hidden) * double((2 * heads + 2 * groups) * headSize);
    return attention + 3.0 * double(hidden) * double(ff);
  }
  double caches() const {
    return 2.0 * double(context) * double(groups * headSize);
  }
};

struct LayerSchedule {
  int64_t buffers = 4;
  bool prefetch = true; ///< tiles of the next matrix before its input is there
  bool oneStack = false;
  int64_t slot = 512 << 10; ///< bytes of a buffer
};

class LayerProgram {
public:
  LayerProgram(const Machine &machine, const LayerModel &model,
               const LayerSchedule &schedule)
      : machine(machine), model(model), schedule(schedule),
        cores(machine.allCores()) {}

  struct Matrix {
    int64_t k, columns; ///< of one core, the last ones padded
    int64_t kTile, nTile;
    int64_t tiles() const { return k / kTile * (columns / nTile); }
  };
  Matrix cut(int64_t k, int64_t n) const {
    int64_t columns = (n + cores - 1) / cores;
    int64_t pieces = (columns + 255) / 256;
    Matrix matrix{k, 0, k, (columns + pieces - 1) / pieces};
    matrix.columns = pieces * matrix.nTile;
    while (matrix.kTile * matrix.nTile * model.typeBytes() > schedule.slot)
      matrix.kTile /= 2;
    return matrix;
  }

  /// The program; its parameter is the number of layers.
  std::string text();

private:
  static constexpr int64_t x = 2560 << 10, normed = 2816 << 10,
                           out = 3072 << 10, temporary = 3328 << 10;
  enum Semaphore { Free, Full, Done, Post, In, Ready, Go };
  void line(std::string &stream, const std::string &words) {
    stream += words + "\n";
  }
  std::string num(int64_t value) { return std::to_string(value); }
  void wait(std::string &stream, Semaphore which) {
    line(stream, "wait core, -1, " + num(which) + ", 1");
  }
  void signal(std::string &stream, Semaphore which, int64_t amount = 1) {
    line(stream, "signal core, -1, " + num(which) + ", " + num(amount));
  }
  std::string dense(const std::string &name, const std::string &type,
                    int64_t base, const std::vector<int64_t> &sizes,
                    const std::string &space = "scratchpad",
                    const std::string &unit = "-1") {
    return denseView(name,
                     type + ", " + space + ", " + num(int64_t(sizes.size())) +
                         ", " + unit + ", " + num(base),
                     sizes);
  }
  void tileAddress(std::string &stream, const std::string &view);
  void loads(int64_t count, const std::vector<int64_t> &sizes);
  void normalise();
  void begin();
  void exchange(int64_t piece, int64_t whole);
  void product(int64_t k, int64_t n);
  void attention();
  void residual();

  const Machine machine;
  const LayerModel model;
  const LayerSchedule schedule;
  const int64_t cores;
  int64_t address = 0; ///< in a pool, of the next tiles
  int parity = 0;
  std::string load, tensor, vector, share;
};

/// The view's base becomes that of the ring's next buffer.
inline void LayerProgram::tileAddress(std::string &stream,
                                      const std::string &view) {
  line(stream, "rem x5, x10, " + num(schedule.buffers) + "\nmul x5, x5, " +
                   num(schedule.slot) + "\nrebase " + view +
                   ", x5\nadd x10, x10, 1");
}

/// Tiles of those sizes, a core's after the other's in its chiplet's pool.
inline void LayerProgram::loads(int64_t count,
                                const std::vector<int64_t> &sizes) {
  int64_t elements = 1;
  for (int64_t size : sizes)
    elements *= size;
  int64_t bytes = elements * model.typeBytes();
  if (!schedule.prefetch)
    wait(load, Go);
  line(load, "where x3, " + std::string(schedule.oneStack ? "core" : "lane") +
                 "\nmul x3, x3, " + num(bytes * count) + "\nadd x3, x3, " +
                 num(address));
  load += denseView("v0",
                    model.type + ", dram, 1, " +
                        (schedule.oneStack ? "0" : "-1") + ", x3",
                    {elements});
  load += dense("v1", model.type, 0, {elements});
  line(load, "loop x4, " + num(count));
  wait(load, Free);
  tileAddress(load, "v1");
  line(load, "d.copy v1, v0");
  signal(load, Full);
  line(load, "advance v0, " + num(bytes) + "\nend");
  address +=
      bytes * count * (schedule.oneStack ? cores : machine.coresPerChiplet());
}

/// The vector x, normed, in the type of the products.
inline void LayerProgram::normalise() {
  vector += dense("v0", "f16", x, {model.hidden}) +
            dense("v1", "f32", temporary, {1}) +
            dense("v2", "f32", temporary, {model.hidden}) + "dim v2, 0, " +
            num(model.hidden) + ", 0\n" +
            dense("v3", model.type, normed, {model.hidden}) +
            "v.sumsq v1, v0\nv.mul v1, v1, -, 0.0001\nv.rsqrt v1, v1\n"
            "v.mul v3, v0, v2, 0\n";
}

/// The input of the next products is there.
inline void LayerProgram::begin() {
  signal(vector, Ready);
  if (!schedule.prefetch)
    signal(vector, Go);
}

/// Pieces of `piece` elements to all chiplets, then `whole` of what all wrote.
inline void LayerProgram::exchange(int64_t piece, int64_t whole) {
  signal(vector, Post);
  wait(share, Post);
  int64_t base = parity * (8 << 20);
  parity ^= 1;
  line(share, "where x3, core\nmul x3, x3, " + num(piece * 2) +
                  "\nadd x3, x3, " + num(base));
  share += dense("v1", "f16", out, {piece});
  for (int64_t chiplet = 0; chiplet < machine.chiplets; ++chiplet) {
    share +=
        denseView("v0", "f16, shared, 1, " + num(chiplet) + ", x3", {piece});
    line(share, "d.copy v0, v1");
  }
  line(share, "barrier 0, " + num(cores));
  share += dense("v0", "f16", base, {whole}, "shared") +
           dense("v1", "f16", x, {whole});
  line(share, "d.copy v1, v0");
  signal(share, In);
  wait(vector, In);
}

/// A matrix of k rows and n columns over all cores; the result's piece is in
/// `out`.
inline void LayerProgram::product(int64_t k, int64_t n) {
  begin();
  Matrix matrix = cut(k, n);
  loads(matrix.tiles(), {matrix.kTile * matrix.nTile});
  wait(tensor, Ready);
  tensor += dense("v2", model.type, 0, {matrix.kTile, matrix.nTile}) +
            dense("v0", "f32", 0, {1, matrix.nTile}, "accumulator") +
            dense("v3", "f16", out, {1, matrix.nTile});
  line(tensor, "loop x4, " + num(matrix.columns / matrix.nTile));
  tensor += dense("v1", model.type, normed, {1, matrix.kTile});
  auto step = [&](const std::string &accumulate) {
    wait(tensor, Full);
    tileAddress(tensor, "v2");
    line(tensor,
         "t.matmul v0, v1, v2, -, -, plain, " + accumulate + ", 0, output");
    signal(tensor, Free);
    line(tensor, "advance v1, " + num(matrix.kTile * model.typeBytes()));
  };
  step("no");
  if (matrix.k > matrix.kTile) {
    line(tensor, "loop x6, " + num(matrix.k / matrix.kTile - 1));
    step("yes");
    line(tensor, "end");
  }
  line(tensor, "t.drain v3, v0, -, -, -, none, none, -\nadvance v3, " +
                   num(2 * matrix.nTile) + "\nend");
  signal(tensor, Done);
  wait(vector, Done);
}

/// Heads of a group against a part of the context; softmax; the parts of all
/// cores of a group added up.
inline void LayerProgram::attention() {
  int64_t rows = model.heads / model.groups, size = model.headSize;
  int64_t parts = std::max<int64_t>(cores / model.groups, 1);
  int64_t groupsEach = std::max<int64_t>(model.groups / cores, 1);
  int64_t length = model.context / parts, tile = length;
  while (tile * size * model.typeBytes() > schedule.slot)
    tile /= 2;
  int64_t tiles = length / tile;
  for (int64_t group = 0; group < groupsEach; ++group) {
    // q is rotated; it comes with the new row of the cache.
    vector += dense("v0", "f16", x, {rows, size}) +
              dense("v1", "f16", temporary, {rows, size / 2}) +
              dense("v3", model.type, normed, {rows, size}) +
              "v.rotary v0, v0, v1, v1, halves\nv.convert v3, v0\n";
    begin();
    loads(tiles, {tile * size});
    wait(tensor, Ready);
    tensor += dense("v1", model.type, normed, {rows, size}) +
              dense("v2", model.type, 0, {size, tile}) + "dim v2, 0, " +
              num(size) + ", 1\ndim v2, 1, " + num(tile) + ", " + num(size) +
              "\n" + dense("v0", "f32", 0, {rows, tile}, "accumulator") +
              dense("v3", "f16", temporary, {rows, tile}) + "dim v3, 0, " +
              num(rows) + ", " + num(length) + "\nloop x4, " + num(tiles) +
              "\n";
    wait(tensor, Full);
    tileAddress(tensor, "v2");
    line(tensor, "t.matmul v0, v1, v2, -, -, plain, no, 0, output");
    signal(tensor, Free);
    line(tensor, "t.drain v3, v0, -, -, -, none, none, -\nadvance v3, " +
                     num(2 * tile) + "\nend");
    signal(tensor, Done);
    wait(vector, Done);
    vector += dense("v0", "f16", temporary, {rows, length}) +
              dense("v1", "f32", out, {rows, 1}) +
              dense("v2", "f32", out, {rows, length}) + "dim v2, 0, " +
              num(rows) + ", 1\ndim v2, 1, " + num(length) + ", 0\n" +
              dense("v3", model.type, normed, {rows, length}) +
              "v.rowmax v1, v0\nv.expsub v0, v0, v2, 0\nv.sum v1, v0\n"
              "v.convert v3, v0\n";
    begin();
    loads(tiles, {tile * size});
    wait(tensor, Ready);
    tensor += dense("v1", model.type, normed, {rows, tile}) + "dim v1, 0, " +
              num(rows) + ", " + num(length) + "\n" +
              dense("v2", model.type, 0, {tile, size}) +
              dense("v0", "f32", 0, {rows, size}, "accumulator") +
              dense("v3", "f16", out, {rows, size});
    line(tensor, "loop x4, " + num(tiles));
    wait(tensor, Full);
    tileAddress(tensor, "v2");
    line(tensor, "t.matmul v0, v1, v2, -, -, plain, yes, 0, output");
    signal(tensor, Free);
    line(tensor, "advance v1, " + num(tile * model.typeBytes()) +
                     "\nend\n"
                     "t.drain v3, v0, -, -, -, none, none, -");
    signal(tensor, Done);
    wait(vector, Done);
  }
  int64_t all = model.heads * size, piece = std::max<int64_t>(all / cores, 1);
  if (parts > 1) {
    exchange(groupsEach * rows * size, piece * parts);
    vector += dense("v0", "f16", x, {piece, parts}) +
              dense("v1", "f16", out, {piece, 1}) + "v.sum v1, v0\n";
  }
  exchange(piece, all);
  vector += dense("v0", "f16", x, {all}) +
            dense("v1", model.type, normed, {all}) + "v.convert v1, v0\n";
}

inline void LayerProgram::residual() {
  exchange(model.hidden / cores, model.hidden);
  vector += dense("v0", "f16", x, {model.hidden}) +
            dense("v1", "f16", temporary, {model.hidden}) +
            "v.add v0, v0, v1, 0\n";
}

inline std::string LayerProgram::text() {
  const int64_t all = (model.heads + 2 * model.groups) * model.headSize;
  std::string *streams[] = {&load, &tensor, &vector, &share};
  for (std::string *stream : streams)
    *stream = "set x10, 0\nparam x1, 0\n";
  signal(tensor, Free, schedule.buffers);
  for (std::string *stream : streams)
    line(*stream, "loop x2, x1");
  normalise();
  product(model.hidden, all);
  exchange(all / cores, all);
  attention();
  product(model.heads * model.headSize, model.hidden);
  residual();
  normalise();
  product(model.hidden, 2 * model.ff);
  int64_t part = model.ff / cores;
  vector += dense("v0", "f16", out, {part}) +
            dense("v1", "f16", out + 2 * part, {part}) +
            "v.silu v0, v0\nv.mul v0, v0, v1, 0\n";
  exchange(part, model.ff);
  vector += dense("v0", "f16", x, {model.ff}) +
            dense("v1", model.type, normed, {model.ff}) + "v.convert v1, v0\n";
  product(model.ff, model.hidden);
  residual();
  for (std::string *stream : streams)
    line(*stream, "end");
  if (model.vocabulary) {
    normalise();
    product(model.hidden, model.vocabulary);
  }
  std::string text = ".parameter layers 0 1000\n.code load\n" + load +
                     ".code tensor\n" + tensor + ".code vector\n" + vector +
                     ".code share\n" + share;
  for (int64_t core = 0; core < cores; ++core) {
    std::string unit = num(core);
    text += ".stream dma " + unit + " 0 load\n.stream tensor " + unit +
            " 0 tensor\n.stream vector " + unit + " 0 vector\n.stream dma " +
            unit + " 1 share\n";
  }
  return text;
}

} // namespace narae::npu::test

#endif // NARAE_TEST_UNIT_NPU_LAYERPROGRAM_H
