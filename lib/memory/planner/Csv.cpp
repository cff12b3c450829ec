//===- Csv.cpp - Problems and plans as text -------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/memory/planner/Csv.h"

#include <algorithm>
#include <charconv>
#include <string_view>

using namespace narae::memory;

static std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

static std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t begin = 0;;) {
    size_t comma = line.find(',', begin);
    fields.push_back(trim(line.substr(begin, comma - begin)));
    if (comma == std::string_view::npos)
      return fields;
    begin = comma + 1;
  }
}

namespace {
/// Where each column is, and the line for messages.
class Reader {
public:
  explicit Reader(std::vector<std::string> &errors) : errors(errors) {}

  bool readHeader(std::string_view line);
  bool readBuffer(std::string_view line, Buffer &buffer);

  bool fail(const std::string &message) {
    if (++numErrors <= kMaxErrors)
      errors.push_back("line " + std::to_string(lineNumber) + ": " + message);
    return false;
  }

  static constexpr size_t kMaxErrors = 20;
  size_t lineNumber = 0, numErrors = 0;

private:
  enum Column { kId, kLower, kUpper, kSize, kOffset, kAlignment, kNumColumns };
  static constexpr const char *kNames[kNumColumns] = {
      "id", "lower", "upper", "size", "offset", "alignment"};

  template <typename T>
  bool readNumber(std::string_view field, Column column, T &value) {
    auto [end, status] =
        std::from_chars(field.data(), field.data() + field.size(), value);
    if (status == std::errc() && end == field.data() + field.size())
      return true;
    const char *problem = status == std::errc::result_out_of_range
                              ? "' is out of range"
                              : "' is no integer";
    return fail("column '" + std::string(kNames[column]) + "': '" +
                std::string(field) + problem);
  }

  std::vector<std::string> &errors;
  std::optional<size_t> positions[kNumColumns];
  size_t numFields = 0;
};
} // namespace

bool Reader::readHeader(std::string_view line) {
  std::vector<std::string_view> fields = split(line);
  numFields = fields.size();
  for (size_t i = 0; i < fields.size(); ++i) {
    bool isKnown = false;
    for (int column = 0; column < kNumColumns; ++column) {
      if (fields[i] != kNames[column])
        continue;
      if (positions[column])
        fail("column '" + std::string(fields[i]) + "' appears twice");
      positions[column] = i;
      isKnown = true;
    }
    if (!isKnown)
      fail("unknown column '" + std::string(fields[i]) +
           "'; expected id, lower, upper, size and optionally offset and "
           "alignment");
  }
  for (int column = 0; column < kOffset; ++column)
    if (!positions[column])
      fail("column '" + std::string(kNames[column]) + "' is missing");
  return numErrors == 0;
}

bool Reader::readBuffer(std::string_view line, Buffer &buffer) {
  std::vector<std::string_view> fields = split(line);
  if (fields.size() != numFields)
    return fail("expected " + std::to_string(numFields) + " fields, found " +
                std::to_string(fields.size()));
  buffer.name = fields[*positions[kId]];
  // Each field is read, so that all that is wrong is said.
  size_t before = numErrors;
  bool hasTimes = readNumber(fields[*positions[kLower]], kLower, buffer.lower);
  hasTimes &= readNumber(fields[*positions[kUpper]], kUpper, buffer.upper);
  readNumber(fields[*positions[kSize]], kSize, buffer.size);
  if (hasTimes && buffer.lower >= buffer.upper)
    fail("the lifetime [" + std::to_string(buffer.lower) + ", " +
         std::to_string(buffer.upper) + ") is empty");
  if (positions[kOffset] && !fields[*positions[kOffset]].empty())
    readNumber(fields[*positions[kOffset]], kOffset, buffer.offset.emplace());
  if (positions[kAlignment] && !fields[*positions[kAlignment]].empty() &&
      readNumber(fields[*positions[kAlignment]], kAlignment,
                 buffer.alignment) &&
      (buffer.alignment == 0 ||
       (buffer.alignment & (buffer.alignment - 1)) != 0))
    fail("column 'alignment': " + std::to_string(buffer.alignment) +
         " is no power of two");
  return numErrors == before;
}

std::optional<Problem>
narae::memory::readCsv(const std::string &text,
                       std::vector<std::string> &errors) {
  Problem problem;
  Reader reader(errors);
  bool hasHeader = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t newline = rest.find('\n');
    std::string_view line = trim(rest.substr(0, newline));
    rest = newline == std::string_view::npos ? std::string_view()
                                             : rest.substr(newline + 1);
    ++reader.lineNumber;
    if (line.empty())
      continue;
    if (hasHeader)
      reader.readBuffer(line, problem.buffers.emplace_back());
    else if (!reader.readHeader(line))
      return std::nullopt;
    hasHeader = true;
  }
  if (!hasHeader) {
    reader.lineNumber = 1;
    reader.fail("expected the header id,lower,upper,size");
  }
  if (reader.numErrors > Reader::kMaxErrors)
    errors.push_back("and " +
                     std::to_string(reader.numErrors - Reader::kMaxErrors) +
                     " more");
  if (reader.numErrors > 0)
    return std::nullopt;
  return problem;
}

std::string narae::memory::writeCsv(const Problem &problem, const Plan *plan) {
  bool isAligned =
      std::any_of(problem.buffers.begin(), problem.buffers.end(),
                  [](const Buffer &buffer) { return buffer.alignment != 1; });
  std::string text = "id,lower,upper,size";
  text += isAligned ? ",alignment" : "";
  text += plan ? ",offset\n" : "\n";
  for (size_t i = 0; i < problem.buffers.size(); ++i) {
    const Buffer &buffer = problem.buffers[i];
    std::string name = buffer.name.empty() ? std::to_string(i) : buffer.name;
    for (char &c : name)
      if (c == ',' || c == '"' || c == '\n' || c == '\r')
        c = '_';
    text += name + "," + std::to_string(buffer.lower) + "," +
            std::to_string(buffer.upper) + "," + std::to_string(buffer.size);
    if (isAligned)
      text += "," + std::to_string(buffer.alignment);
    if (plan)
      text += "," + std::to_string(plan->offsets[i]);
    text += "\n";
  }
  return text;
}
