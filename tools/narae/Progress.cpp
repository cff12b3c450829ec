//===- Progress.cpp - How far the compiler is ---------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Progress.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

using namespace narae::tool;

Progress::Progress(bool quiet)
    : quiet(quiet), terminal(isatty(STDERR_FILENO) != 0) {}

void Progress::update(double done, const char *phase) {
  constexpr int width = 30;
  std::lock_guard<std::mutex> lock(mutex);
  if (quiet)
    return;
  int percent = static_cast<int>(100 * std::clamp(done, 0.0, 1.0));
  bool newPhase = lastPhase != phase;
  if (!terminal) {
    if (newPhase)
      std::fprintf(stderr, "narae: %s\n", phase);
  } else if (newPhase || percent != lastPercent) {
    std::string bar(static_cast<size_t>(percent * width / 100), '#');
    bar.resize(width, '-');
    std::fprintf(stderr, "\r\033[K[%s] %3d%% %s", bar.c_str(), percent, phase);
    std::fflush(stderr);
    shown = true;
  }
  lastPhase = phase;
  lastPercent = percent;
}

void Progress::finish() {
  std::lock_guard<std::mutex> lock(mutex);
  if (shown)
    std::fputs("\r\033[K", stderr);
  shown = false;
  quiet = true;
}
