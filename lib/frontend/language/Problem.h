//===- Problem.h - What is wrong with a checkpoint --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_PROBLEM_H
#define NARAE_LIB_FRONTEND_LANGUAGE_PROBLEM_H

#include <string>
#include <vector>

namespace narae::language {

/// Something that keeps a checkpoint from being compiled.
struct Problem {
  std::string place;   ///< the file, key or tensor
  std::string message; ///< what is wrong there and what would work
};
using Problems = std::vector<Problem>;

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_PROBLEM_H
