//===- Writer.h - Writes .narae files --------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   ProgramT program;                       // filled in by the compiler
//   Writer writer(program);
//   uint32_t object = writer.addObject("elf", bytes);   // for KernelT.object
//   writer.setWeight(0, {pointer, size});
//   writer.setWeight(1, {size, [&](const ByteSink &sink) { ... }});
//   Status status = writer.write("model.narae");
//
// The same program, objects and weights always give the same bytes.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_WRITER_H
#define NARAE_LIB_ARTIFACT_WRITER_H

#include "lib/artifact/Artifact_generated.h"
#include "lib/artifact/Status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace narae::artifact {

/// Receives the next bytes of a weight. An error means that the file cannot
/// be written; a producer may stop then and return it.
using ByteSink = std::function<Status(const void *data, size_t size)>;

/// Where the bytes of one weight come from: memory, or a function that hands
/// them over piece by piece, so that they need not be in memory all at once.
struct WeightSource {
  WeightSource() = default;
  WeightSource(const void *data, uint64_t size) : data(data), size(size) {}
  WeightSource(uint64_t size, std::function<Status(const ByteSink &)> produce)
      : size(size), produce(std::move(produce)) {}

  const void *data = nullptr;
  uint64_t size = 0;
  std::function<Status(const ByteSink &)> produce;
};

/// Collects the sections of one file. Everything handed over by pointer must
/// live until `write` returns.
class Writer {
public:
  /// `write` completes `program`: sections of objects and attachments, and
  /// offset, size and hash of the weights that go into the file.
  explicit Writer(ProgramT &program) : program(program) {}

  /// Appends an object to the program's; returns its index.
  uint32_t addObject(std::string format, std::string bytes);

  /// Appends an attachment to the program's.
  void addAttachment(std::string name, WeightSource source);

  /// Sets the bytes of `program.weights[index]`. Weights with `file` set are
  /// external and need none; their offset, size and hash (`hashBytes` of
  /// their bytes) are the caller's. So is the size of those that are `absent`.
  void setWeight(size_t index, WeightSource source);

  /// Writes a temporary file beside `path` and renames it. On an error
  /// nothing at `path` has changed. The program passes the reader's verifier
  /// first, so that what was written can be loaded.
  Status write(const std::string &path);

private:
  ProgramT &program;
  std::vector<std::string> objects;
  std::vector<WeightSource> weights;
  std::vector<WeightSource> attachments;
};

} // namespace narae::artifact

#endif // NARAE_LIB_ARTIFACT_WRITER_H
