//===- Isolated.cpp - Checks in a process of their own --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The child writes one record for each check to a pipe: the outcome as a byte,
// the length of the detail as four, the detail.
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Isolated.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace narae;
using namespace narae::tool;
using conformance::Verdict;

/// A check that takes longer is taken for one that hangs.
static constexpr int kMinutes = 5;

static bool writeAll(int file, const void *data, size_t size) {
  auto *at = static_cast<const char *>(data);
  while (size) {
    ssize_t n = write(file, at, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n, size -= static_cast<size_t>(n);
  }
  return true;
}

/// What the child does; it does not return.
[[noreturn]] static void child(int file, conformance::Options options,
                               const std::vector<conformance::Check> &names,
                               size_t first) {
  // After a crash numbers are looked at one at a time.
  options.oneAtATime = first > 0;
  std::vector<conformance::Check> all = conformance::makeChecks(options);
  size_t at = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    while (all[at].group != names[i].group || all[at].name != names[i].name)
      ++at;
    if (i < first)
      continue;
    Verdict verdict = all[at].run();
    auto outcome = static_cast<char>(verdict.outcome);
    auto length = static_cast<uint32_t>(verdict.detail.size());
    if (!writeAll(file, &outcome, 1) ||
        !writeAll(file, &length, sizeof(length)) ||
        !writeAll(file, verdict.detail.data(), length))
      break;
  }
  conformance::removeKitFolder();
  // The backend's own destructors are not what is checked.
  _exit(0);
}

namespace {
/// Reads whole records, or says why none came.
class Records {
public:
  explicit Records(int file) : file(file) {}
  bool next(Verdict &verdict) {
    char outcome = 0;
    uint32_t length = 0;
    if (!read(&outcome, 1) || !read(&length, sizeof(length)))
      return false;
    verdict.outcome = static_cast<conformance::Outcome>(outcome);
    verdict.detail.resize(length);
    return read(verdict.detail.data(), length);
  }
  bool late = false; ///< there was no answer in time

private:
  bool read(void *data, size_t size) {
    auto *at = static_cast<char *>(data);
    while (size) {
      pollfd wanted = {file, POLLIN, 0};
      int ready = poll(&wanted, 1, kMinutes * 60 * 1000);
      if (ready < 0 && errno == EINTR)
        continue;
      late = ready == 0;
      ssize_t n = ready > 0 ? ::read(file, at, size) : 0;
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return false;
      at += n, size -= static_cast<size_t>(n);
    }
    return true;
  }
  int file;
};
} // namespace

/// Ends a child and says how it ended.
static std::string bury(pid_t process, bool late) {
  if (late)
    kill(process, SIGKILL);
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  std::error_code error;
  std::filesystem::remove_all(conformance::kitFolder(process), error);
  if (late)
    return "there was no answer in " + std::to_string(kMinutes) + " minutes";
  if (WIFSIGNALED(status))
    return std::string("the process died: ") + strsignal(WTERMSIG(status));
  return "the process ended with code " + std::to_string(WEXITSTATUS(status));
}

Expected<std::vector<Verdict>>
tool::runIsolated(const conformance::Options &options,
                  const std::vector<conformance::Check> &checks,
                  bool progress) {
  std::vector<Verdict> verdicts;
  progress = progress && isatty(STDERR_FILENO);
  while (verdicts.size() < checks.size()) {
    int ends[2];
    if (pipe(ends) != 0)
      return Status::error(std::string("no pipe: ") + std::strerror(errno));
    std::fflush(nullptr);
    pid_t process = fork();
    if (process < 0)
      return Status::error(std::string("no process: ") + std::strerror(errno));
    if (process == 0) {
      close(ends[0]);
      child(ends[1], options, checks, verdicts.size());
    }
    close(ends[1]);
    Records records(ends[0]);
    for (Verdict verdict;
         verdicts.size() < checks.size() && records.next(verdict);) {
      verdicts.push_back(verdict);
      if (progress)
        std::fprintf(stderr, "\r%zu of %zu ", verdicts.size(), checks.size());
    }
    close(ends[0]);
    std::string end = bury(process, records.late);
    if (verdicts.size() < checks.size())
      verdicts.push_back(conformance::failed(end));
  }
  if (progress)
    std::fprintf(stderr, "\r                    \r");
  return verdicts;
}
