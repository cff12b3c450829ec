//===- Console.cpp - What narae prints ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Console.h"

#include "lib/artifact/OutputFile.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace narae;
using namespace narae::tool;

int tool::fail(const std::string &message, int code) {
  std::fprintf(stderr, "narae: error: %s\n", message.c_str());
  return code;
}

void tool::print(const std::string &text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

bool tool::wantsColours() {
  const char *refused = std::getenv("NO_COLOR"), *kind = std::getenv("TERM");
  return isatty(STDOUT_FILENO) && !(refused && *refused) &&
         !(kind && std::strcmp(kind, "dumb") == 0);
}

int tool::flushed(int code) {
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && code == 0)
    return fail("cannot write to the standard output");
  return code;
}

static const char *severityName(driver::Diagnostic::Severity severity) {
  switch (severity) {
  case driver::Diagnostic::Error:
    return "error";
  case driver::Diagnostic::Warning:
    return "warning";
  case driver::Diagnostic::Note:
    break;
  }
  return "note";
}

void tool::printDiagnostics(
    const std::string &model,
    const std::vector<driver::Diagnostic> &diagnostics) {
  for (const driver::Diagnostic &diagnostic : diagnostics) {
    std::string line = std::string(severityName(diagnostic.severity)) + ": ";
    // A location that is a file needs no other file before it.
    if (diagnostic.location.compare(0, model.size(), model) != 0 &&
        diagnostic.message.compare(0, model.size(), model) != 0)
      line += model + ": ";
    if (!diagnostic.location.empty())
      line += diagnostic.location + ": ";
    std::fprintf(stderr, "%s%s\n", line.c_str(), diagnostic.message.c_str());
  }
}

nlohmann::ordered_json
tool::diagnosticsJson(const std::vector<driver::Diagnostic> &diagnostics) {
  nlohmann::ordered_json result = nlohmann::ordered_json::array();
  for (const driver::Diagnostic &diagnostic : diagnostics)
    result.push_back({{"severity", severityName(diagnostic.severity)},
                      {"location", diagnostic.location},
                      {"message", diagnostic.message}});
  return result;
}

std::string tool::dump(const nlohmann::ordered_json &json) {
  return json.dump(2, ' ', false,
                   nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

nlohmann::ordered_json tool::parseOrText(const std::string &text) {
  if (text.empty())
    return nullptr;
  nlohmann::ordered_json json =
      nlohmann::ordered_json::parse(text, nullptr, false);
  return json.is_discarded() ? nlohmann::ordered_json(text) : json;
}

Status tool::writeFile(const std::string &path, const std::string &contents) {
  Expected<std::unique_ptr<artifact::OutputFile>> file =
      artifact::OutputFile::create(path);
  if (file.failed())
    return file.status();
  if (Status status = (*file)->write(contents.data(), contents.size());
      status.failed())
    return status;
  return (*file)->commit();
}

Expected<std::string> tool::readFile(const std::string &path) {
  std::FILE *file = std::fopen(path.c_str(), "rb");
  std::string result;
  char buffer[65536];
  size_t got = 0;
  while (file && (got = std::fread(buffer, 1, sizeof buffer, file)) > 0)
    result.append(buffer, got);
  bool failed = !file || std::ferror(file);
  int reason = errno;
  if (file)
    std::fclose(file);
  if (failed)
    return Status::error(path + ": " + std::strerror(reason));
  return result;
}

static std::string format(const char *pattern, double value, const char *unit) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value, unit);
  return text;
}

std::string tool::formatBytes(uint64_t bytes) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return format(unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

std::string tool::formatMilliseconds(double milliseconds) {
  if (milliseconds < 1)
    return format("%.1f %s", milliseconds * 1000, "us");
  if (milliseconds < 1000)
    return format("%.2f %s", milliseconds, "ms");
  return format("%.2f %s", milliseconds / 1000, "s");
}
