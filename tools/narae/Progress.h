//===- Progress.h - How far the compiler is -----------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_PROGRESS_H
#define NARAE_TOOLS_NARAE_PROGRESS_H

#include <mutex>
#include <string>

namespace narae::tool {

/// A bar on a terminal, a line a phase elsewhere; on the error output.
class Progress {
public:
  explicit Progress(bool quiet);
  ~Progress() { finish(); }
  /// `done` is in [0, 1]. Safe to call from several threads.
  void update(double done, const char *phase);
  /// Removes the bar.
  void finish();

private:
  bool quiet, terminal;
  std::mutex mutex;
  std::string lastPhase;
  int lastPercent = -1;
  bool shown = false;
};

} // namespace narae::tool

#endif // NARAE_TOOLS_NARAE_PROGRESS_H
