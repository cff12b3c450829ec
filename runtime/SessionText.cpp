//===- SessionText.cpp - Strings of a run ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Inside of a run strings are numbers; see StringTable.h. The caller's are
// pointers to zero-terminated strings, which are of the same size. Numbers come
// from buffers that kernels wrote, so each is checked when it is used.
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/Types.h"
#include "lib/text/Functions.h"
#include "runtime/Session.h"

#include <cstring>

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

#define NARAE_TRY(expression)                                                  \
  do {                                                                         \
    if (Status status_ = (expression); status_.failed())                       \
      return status_;                                                          \
  } while (false)

static_assert(sizeof(char *) == sizeof(int64_t),
              "strings are pointers outside and numbers inside");

Status Session::compilePatterns() {
  for (const EntryPlan &plan : plans) {
    patterns.emplace_back();
    for (uint32_t i = 0; i < count(plan.entry.calls()); ++i) {
      const Call &call = *plan.entry.calls()->Get(i);
      bool matches = call.function() == TextFunction_Match;
      Expected<str::Regex> regex =
          str::Regex::compile(matches ? artifact::text(call.pattern()) : "");
      if (regex.failed())
        return regex.status();
      patterns.back().push_back(std::move(*regex));
    }
  }
  return Status::success();
}

Status Session::Run::bindStrings(uint32_t index, const narae_tensor &input,
                                 uint64_t bytes) {
  const auto *strings = static_cast<const char *const *>(input.data);
  DeviceMemory &memory = state.inputs[index];
  NARAE_TRY(memory.reserve(device, bytes));
  size_t count = bytes / sizeof(int64_t);
  std::vector<int64_t> staged(device.isHost() ? 0 : count);
  auto *numbers =
      device.isHost() ? static_cast<int64_t *>(memory.data()) : staged.data();
  for (size_t i = 0; i < count; ++i) {
    if (!strings[i])
      return Status::error(std::string("input '") +
                           plan.info.inputs[index].info.name + "': string " +
                           std::to_string(i) + " is a null pointer");
    numbers[i] = session.strings.intern(strings[i]);
  }
  state.slots[plan.inputSlot(index)] = memory.data();
  if (device.isHost())
    return Status::success();
  NARAE_TRY(device.upload(memory.data(), numbers, bytes));
  return device.wait();
}

/// Turns numbers into the addresses of their strings, in their place.
Status Session::Run::showStrings(uint32_t index, void *data, uint64_t bytes) {
  for (uint64_t i = 0; i < bytes / sizeof(int64_t); ++i) {
    char *place = static_cast<char *>(data) + i * sizeof(int64_t);
    int64_t number;
    std::memcpy(&number, place, sizeof number);
    const char *text = session.strings.find(number);
    if (!text)
      return Status::error(std::string("element ") + std::to_string(i) +
                           " of output '" + plan.info.outputs[index].info.name +
                           "' is no string");
    std::memcpy(place, &text, sizeof text);
  }
  return Status::success();
}

namespace {
/// A buffer of a call on the host: where its elements are, and how many.
struct Elements {
  char *data = nullptr;
  int64_t count = 1, last = 1; ///< `last`: the last dimension
  unsigned type = 0;

  template <typename T>
  T get(int64_t i) const {
    T value;
    std::memcpy(&value, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return value;
  }
  template <typename T>
  void set(int64_t i, T value) const {
    std::memcpy(data + i * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
  }
};

/// One call: reads strings and numbers, writes the result.
class Caller {
public:
  Caller(StringTable &strings, const Call &call, str::Regex &pattern)
      : strings(strings), call(call), pattern(pattern) {}
  Status run(const std::vector<Elements> &buffers);

private:
  bool read(const Elements &from, int64_t i, std::string_view &text) {
    auto number = from.get<int64_t>(i);
    if (!strings.find(number))
      return false;
    text = strings.text(number);
    return true;
  }
  template <typename T>
  Status parseAs(std::string_view text, const Elements &to, int64_t i);
  std::string formatted(const Elements &from, int64_t i);
  Status parse(std::string_view text, const Elements &to, int64_t i);
  Status split(std::string_view text, const Elements &to, int64_t i);

  StringTable &strings;
  const Call &call;
  str::Regex &pattern;
  std::vector<std::string_view> parts;
  std::string joined;
};
} // namespace

template <typename T>
Status Caller::parseAs(std::string_view text, const Elements &to, int64_t i) {
  T value{};
  if (!str::parse(text, value))
    return Status::error("element " + std::to_string(i) + ", '" +
                         std::string(text.substr(0, 80)) +
                         "', is no number of type " + typeName(to.type));
  to.set(i, value);
  return Status::success();
}

Status Caller::parse(std::string_view text, const Elements &to, int64_t i) {
  switch (to.type) {
  case NARAE_F32:
    return parseAs<float>(text, to, i);
  case NARAE_F64:
    return parseAs<double>(text, to, i);
  case NARAE_U64:
    return parseAs<uint64_t>(text, to, i);
  default:
    return parseAs<int64_t>(text, to, i);
  }
}

std::string Caller::formatted(const Elements &from, int64_t i) {
  switch (from.type) {
  case NARAE_F32:
    return str::format(from.get<float>(i));
  case NARAE_F64:
    return str::format(from.get<double>(i));
  case NARAE_U64:
    return str::format(from.get<uint64_t>(i));
  case NARAE_I64:
    return str::format(from.get<int64_t>(i));
  default:
    return str::format(from.get<uint8_t>(i) != 0);
  }
}

Status Caller::split(std::string_view text, const Elements &to, int64_t i) {
  str::split(text, artifact::text(call.pattern()), call.limit(), parts);
  if (static_cast<int64_t>(parts.size()) > to.last)
    return Status::error("element " + std::to_string(i) + " has " +
                         std::to_string(parts.size()) +
                         " parts, the result has room for " +
                         std::to_string(to.last));
  for (int64_t k = 0; k < to.last; ++k) {
    bool there = k < static_cast<int64_t>(parts.size());
    int64_t number = there ? strings.intern(parts[static_cast<size_t>(k)]) : 0;
    to.set(i * to.last + k, number);
  }
  return Status::success();
}

Status Caller::run(const std::vector<Elements> &buffers) {
  const Elements &from = buffers.front(), &to = buffers.back();
  bool splits = call.function() == TextFunction_Split;
  for (size_t i = 0; i + 1 < buffers.size(); ++i)
    if (buffers[i].count * (splits ? to.last : 1) != to.count)
      return Status::error("its tensors differ in size");
  for (int64_t i = 0; i < from.count; ++i) {
    std::string_view text, second;
    if (call.function() == TextFunction_Format) {
      to.set(i, strings.intern(formatted(from, i)));
      continue;
    }
    if (!read(from, i, text) ||
        (buffers.size() == 3 && !read(buffers[1], i, second)))
      return Status::error("element " + std::to_string(i) + " is no string");
    switch (call.function()) {
    case TextFunction_Lower:
      to.set(i, strings.intern(str::lower(text)));
      break;
    case TextFunction_Upper:
      to.set(i, strings.intern(str::upper(text)));
      break;
    case TextFunction_Concat:
      joined.assign(text).append(second);
      to.set(i, strings.intern(joined));
      break;
    case TextFunction_Count:
      str::split(text, artifact::text(call.pattern()), call.limit(), parts);
      to.set(i, static_cast<int64_t>(parts.size()));
      break;
    case TextFunction_Match:
      to.set(i, static_cast<uint8_t>(pattern.fullMatch(text)));
      break;
    case TextFunction_Parse:
      NARAE_TRY(parse(text, to, i));
      break;
    default:
      NARAE_TRY(split(text, to, i));
    }
  }
  return Status::success();
}

Status Session::Run::call(uint32_t index) {
  const Call &call = *plan.entry.calls()->Get(index);
  auto entry = static_cast<size_t>(&plan - session.plans.data());
  size_t number = count(call.buffers());
  std::vector<Elements> buffers(number);
  std::vector<std::vector<char>> staged(number);
  std::vector<void *> addresses(number);
  NARAE_TRY(device.wait());
  for (uint32_t i = 0; i < number; ++i) {
    uint32_t at = call.buffers()->Get(i);
    const BufferPlan &buffer = plan.buffers[at];
    uint64_t size = 0;
    NARAE_TRY(resolve(at, addresses[i], size));
    Elements &elements = buffers[i];
    elements.type = buffer.buffer->type();
    uint64_t total = 1;
    for (uint32_t d = 0; d < buffer.rank; ++d) {
      elements.last = state.registers[buffer.dims[d]];
      total *= static_cast<uint64_t>(elements.last);
    }
    // `resolve` has checked that there is memory for all of them.
    elements.count = static_cast<int64_t>(total);
    elements.data = static_cast<char *>(addresses[i]);
    if (device.isHost())
      continue;
    staged[i].resize(static_cast<size_t>(elements.count) * buffer.elementSize);
    elements.data = staged[i].data();
    if (i + 1 < number)
      NARAE_TRY(device.download(elements.data, addresses[i], staged[i].size()));
  }
  NARAE_TRY(device.wait());
  Caller caller(session.strings, call, session.patterns[entry][index]);
  Status status = caller.run(buffers);
  if (status.failed())
    return Status::error(nameOf(call.buffers()->Get(number - 1)) + ": " +
                         status.message());
  if (!device.isHost())
    NARAE_TRY(device.upload(addresses[number - 1], staged[number - 1].data(),
                            staged[number - 1].size()));
  return device.wait();
}
