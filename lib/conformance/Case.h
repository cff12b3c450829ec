//===- Case.h - One graph of one op, and what it must give ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CONFORMANCE_CASE_H
#define NARAE_LIB_CONFORMANCE_CASE_H

#include "lib/artifact/Status.h"
#include "lib/conformance/Arrays.h"
#include "lib/conformance/Kit.h"

#include <memory>

namespace narae::conformance {

/// An operand: an input of the graph, or a constant in it (at most 1-D).
struct Operand {
  Array array;
  bool constant = false;
};

/// A graph with one op.
struct Case {
  std::string op;         ///< "matmul" is fm.matmul
  std::string label;      ///< what distinguishes it, "f32, transposed"
  std::string attributes; ///< "axis = 1 : i64", or nothing
  std::vector<Operand> operands;
  std::vector<Wanted> results;
};

/// The cases as entries @case0, @case1, ... of one module.
std::string moduleText(const std::vector<const Case *> &cases);

/// A compiled module with one session.
class Program {
public:
  /// Compiles MLIR text to FOLDER/NAME.narae and opens a session on `device`,
  /// or on the target's own device where that is empty.
  static Expected<std::unique_ptr<Program>> make(const std::string &text,
                                                 const std::string &target,
                                                 const std::string &device,
                                                 const std::string &name);
  ~Program();
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  /// Runs an entry and compares its results; "" when they are right.
  std::string run(size_t entry, const Case &test);
  narae_artifact *artifact() const { return file; }

private:
  Program() = default;
  narae_artifact *file = nullptr;
  narae_session *session = nullptr;
};

/// Runs an entry of a session on a case's inputs and compares.
std::string runCase(narae_session *session, size_t entry, const Case &test);

/// Writes `text` to a file of the kit's folder, and returns its path.
std::string writeText(const std::string &name, const std::string &text);
/// A file of the kit's folder.
std::string kitFile(const std::string &name);
/// Compiles MLIR text to a file; an error lists all diagnostics.
Status compileText(const std::string &text, const std::string &target,
                   const std::string &name, std::string &path);

/// Whether the backend takes the graph: passed, not supported with its
/// reasons, or failed where the kit's graph is wrong or no reason is given.
Verdict supportsText(const std::string &text, const std::string &target,
                     const std::string &name);

/// Takes over a status of the C API; "" is success.
std::string messageOf(narae_status *status);

} // namespace narae::conformance

#endif // NARAE_LIB_CONFORMANCE_CASE_H
