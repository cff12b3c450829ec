//===- Kit.h - Checks that any backend has to pass ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The kit knows a backend by its two tables alone. What it expects of numbers
// it computes itself, in float64; no other backend takes part.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CONFORMANCE_KIT_H
#define NARAE_LIB_CONFORMANCE_KIT_H

#include <functional>
#include <string>
#include <vector>

namespace narae::conformance {

/// What is checked. A backend may have one side only: an empty name.
struct Options {
  std::string target; ///< of its compiler side, "toy"
  std::string device; ///< of its runtime side, "toy:0"
  /// Compiles the graphs of the numerics one at a time: slower, but a crash
  /// is that of one graph.
  bool oneAtATime = false;
};

enum class Outcome { Passed, Failed, Unsupported };
/// "passed", "failed", "not supported"
const char *outcomeName(Outcome outcome);

/// What a check says; `detail` is a sentence where it did not just pass.
struct Verdict {
  Outcome outcome = Outcome::Passed;
  std::string detail;
};
inline Verdict passed(std::string detail = "") {
  return {Outcome::Passed, std::move(detail)};
}
inline Verdict failed(std::string detail) {
  return {Outcome::Failed, std::move(detail)};
}
inline Verdict unsupported(std::string detail) {
  return {Outcome::Unsupported, std::move(detail)};
}

struct Check {
  std::string group; ///< "copy"
  std::string name;  ///< "sizes"
  std::function<Verdict()> run;
};

/// All checks, in the same order for the same options. They are independent
/// of each other, so that any of them can be the first.
std::vector<Check> makeChecks(const Options &options);

/// The folder for files of the process of that number, and its removal for
/// this process.
std::string kitFolder(int process);
void removeKitFolder();

} // namespace narae::conformance

#endif // NARAE_LIB_CONFORMANCE_KIT_H
