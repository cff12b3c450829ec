//===- ProgramBuilder.h - Programs written by hand, for tests -------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TEST_UNIT_ARTIFACT_PROGRAMBUILDER_H
#define NARAE_TEST_UNIT_ARTIFACT_PROGRAMBUILDER_H

#include "lib/artifact/Writer.h"
#include "narae/runtime.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace narae::test {

/// Builds one entry. Instructions are collected and become a command with
/// `eval`; `endPrologue` ends what depends on dimensions only.
class EntryMaker {
public:
  explicit EntryMaker(const std::string &name)
      : entry(std::make_unique<artifact::EntryT>()) {
    entry->name = name;
  }

  /// A new register, set by an instruction.
  uint32_t op(artifact::RegOp op, uint32_t a = 0, uint32_t b = 0,
              uint32_t c = 0, int64_t imm = 0) {
    set(entry->registers++, op, a, b, c, imm);
    return entry->registers - 1;
  }
  uint32_t constant(int64_t value) {
    return op(artifact::RegOp_Const, 0, 0, 0, value);
  }
  /// Sets a register that exists.
  void set(uint32_t dst, artifact::RegOp op, uint32_t a = 0, uint32_t b = 0,
           uint32_t c = 0, int64_t imm = 0) {
    entry->instructions.emplace_back(op, dst, a, b, c, imm);
  }
  /// A register that some later instruction sets.
  uint32_t reserve() { return entry->registers++; }

  uint32_t buffer(artifact::BufferKind kind, uint32_t index, narae_type type,
                  uint32_t sizeReg, std::vector<uint32_t> dims,
                  uint32_t offsetReg = 0) {
    auto buffer = std::make_unique<artifact::BufferT>();
    buffer->kind = kind;
    buffer->index = index;
    buffer->type = static_cast<uint8_t>(type);
    buffer->size_reg = sizeReg;
    buffer->offset_reg = offsetReg;
    buffer->dims = std::move(dims);
    entry->buffers.push_back(std::move(buffer));
    return static_cast<uint32_t>(entry->buffers.size() - 1);
  }
  void input(const std::string &name, narae_type type,
             std::vector<artifact::DimSpec> dims, uint32_t buffer) {
    entry->inputs.push_back(spec(name, type, std::move(dims), buffer));
  }
  void output(const std::string &name, narae_type type,
              std::vector<artifact::DimSpec> dims, uint32_t buffer) {
    entry->outputs.push_back(spec(name, type, std::move(dims), buffer));
  }
  /// Makes a command of the instructions since the last one.
  void eval() {
    auto end = static_cast<uint32_t>(entry->instructions.size());
    command(artifact::CommandKind_Eval, evaluated, end - evaluated);
    evaluated = end;
  }
  void endPrologue(uint32_t arenaReg) {
    eval();
    entry->arena_reg = arenaReg;
    entry->prologue = static_cast<uint32_t>(entry->commands.size());
  }
  /// Returns the index of the command.
  uint32_t command(artifact::CommandKind kind, uint32_t a = 0, uint32_t b = 0,
                   uint32_t c = 0) {
    entry->commands.emplace_back(kind, a, b, c);
    return static_cast<uint32_t>(entry->commands.size() - 1);
  }
  void dispatch(uint32_t kernel, std::vector<uint32_t> buffers,
                std::vector<uint32_t> params, uint32_t workReg,
                uint32_t scratchReg) {
    auto dispatch = std::make_unique<artifact::DispatchT>();
    dispatch->kernel = kernel;
    dispatch->buffers = std::move(buffers);
    dispatch->params = std::move(params);
    dispatch->work_reg = workReg;
    dispatch->scratch_reg = scratchReg;
    entry->dispatches.push_back(std::move(dispatch));
    command(artifact::CommandKind_Dispatch,
            static_cast<uint32_t>(entry->dispatches.size() - 1));
  }
  uint32_t next() const {
    return static_cast<uint32_t>(entry->commands.size());
  }

  std::unique_ptr<artifact::EntryT> entry;

private:
  static std::unique_ptr<artifact::TensorSpecT>
  spec(const std::string &name, narae_type type,
       std::vector<artifact::DimSpec> dims, uint32_t buffer) {
    auto result = std::make_unique<artifact::TensorSpecT>();
    result->name = name;
    result->type = static_cast<uint8_t>(type);
    result->dims = std::move(dims);
    result->buffer = buffer;
    return result;
  }
  uint32_t evaluated = 0;
};

/// A fixed and a dynamic dimension; `name` indexes Program.names.
inline artifact::DimSpec fixedDim(int64_t value) {
  return artifact::DimSpec(value, value, value, 0);
}
inline artifact::DimSpec dynamicDim(uint32_t name, int64_t min, int64_t max) {
  return artifact::DimSpec(-1, min, max, name);
}

/// A program for the CPU with names "" and "n".
inline std::unique_ptr<artifact::ProgramT> emptyProgram() {
  auto program = std::make_unique<artifact::ProgramT>();
  program->compiler = "test";
  program->target = R"({"backend":"cpu","chip":"x86-64","features":[]})";
  program->backend = "cpu";
  program->report = "{}";
  program->names = {"", "n"};
  return program;
}

inline void addKernel(artifact::ProgramT &program, const std::string &name) {
  auto kernel = std::make_unique<artifact::KernelT>();
  kernel->name = name;
  kernel->nodes = "node of " + name;
  program.kernels.push_back(std::move(kernel));
}

inline artifact::WeightT &addWeight(artifact::ProgramT &program,
                                    const std::string &name, narae_type type,
                                    std::vector<int64_t> dims) {
  auto weight = std::make_unique<artifact::WeightT>();
  weight->name = name;
  weight->type = static_cast<uint8_t>(type);
  weight->dims = std::move(dims);
  program.weights.push_back(std::move(weight));
  return *program.weights.back();
}

/// y = 2 * (x * w[0] + w[1]) for x: f32[n], 1 <= n <= `maxN`, through an
/// arena buffer, with kernels 0 (affine) and 1 (twice).
inline std::unique_ptr<artifact::EntryT> affineEntry(int64_t maxN) {
  using namespace artifact;
  EntryMaker b("main");
  uint32_t zero = b.constant(0), four = b.constant(4);
  uint32_t weightBytes = b.constant(8), two = b.constant(2);
  uint32_t n = b.op(RegOp_InputDim, 0, 0);
  uint32_t bytes = b.op(RegOp_Mul, n, four);
  uint32_t arena = b.op(RegOp_Align, bytes, 0, 0, 64);
  uint32_t x = b.buffer(BufferKind_Input, 0, NARAE_F32, bytes, {n});
  uint32_t w = b.buffer(BufferKind_Weight, 0, NARAE_F32, weightBytes, {two});
  uint32_t t = b.buffer(BufferKind_Arena, 0, NARAE_F32, bytes, {n}, zero);
  uint32_t y = b.buffer(BufferKind_Output, 0, NARAE_F32, bytes, {n});
  b.input("x", NARAE_F32, {dynamicDim(1, 1, maxN)}, x);
  b.output("y", NARAE_F32, {dynamicDim(1, 1, maxN)}, y);
  b.endPrologue(arena);
  b.dispatch(0, {x, w, t}, {n}, n, zero);
  b.dispatch(1, {t, y}, {n}, n, zero);
  return std::move(b.entry);
}

/// A file name in a folder of its own that goes with the object.
class TemporaryFolder {
public:
  TemporaryFolder() {
    char name[] = "/tmp/narae-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~TemporaryFolder() {
    std::string command = "rm -rf '" + path + "'";
    if (std::system(command.c_str()) != 0)
      std::perror("rm");
  }
  std::string file(const std::string &name) const { return path + "/" + name; }
  std::string path;
};

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A copy of a file in memory that begins at a page.
class PageAligned {
public:
  explicit PageAligned(const std::string &bytes)
      : bytes(static_cast<char *>(
            std::aligned_alloc(4096, (bytes.size() + 4096) / 4096 * 4096))),
        size(bytes.size()) {
    bytes.copy(this->bytes, size);
  }
  ~PageAligned() { std::free(bytes); }
  PageAligned(const PageAligned &) = delete;
  PageAligned &operator=(const PageAligned &) = delete;
  char *bytes;
  size_t size;
};

} // namespace narae::test

#endif // NARAE_TEST_UNIT_ARTIFACT_PROGRAMBUILDER_H
