//===- Config.cpp - config.json, read once and completely -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Config.h"

#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

std::string huggingface::valueText(const llvm::json::Value &value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  if (text.size() > 60)
    text = text.substr(0, 57) + "...";
  return text;
}

/// Arrays of numbers larger than this belong to no configuration.
static constexpr size_t kMaxList = 65536;

Config::Found Config::find(Spellings keys) {
  Found found;
  for (StringRef key : keys) {
    std::string full = prefix + key.str();
    const llvm::json::Value *value = object->get(key);
    if (!value)
      continue;
    read->insert(full);
    if (value->kind() != llvm::json::Value::Null && !found.value)
      found = {value, full};
  }
  if (!found.value)
    found.key = prefix + keys.begin()->str();
  return found;
}

void Config::wrong(const Found &found, const std::string &wanted) {
  problems->push_back({file, "'" + found.key + "' is " +
                                 valueText(*found.value) + ", not " + wanted});
}

std::optional<int64_t> Config::integer(Spellings keys, int64_t least,
                                       int64_t most) {
  Found found = find(keys);
  if (!found.value)
    return std::nullopt;
  std::optional<int64_t> number = found.value->getAsInteger();
  if (number && *number >= least && *number <= most)
    return number;
  wrong(found, "a whole number from " + std::to_string(least) + " to " +
                   std::to_string(most));
  return std::nullopt;
}

int64_t Config::required(Spellings keys, int64_t least, int64_t most) {
  size_t before = problems->size();
  std::optional<int64_t> number = integer(keys, least, most);
  if (!number && problems->size() == before)
    fail(keys, "is missing");
  return number.value_or(least);
}

std::optional<double> Config::number(Spellings keys) {
  Found found = find(keys);
  if (!found.value)
    return std::nullopt;
  std::optional<double> number = found.value->getAsNumber();
  if (number && std::isfinite(*number))
    return number;
  wrong(found, "a finite number");
  return std::nullopt;
}

std::optional<bool> Config::flag(Spellings keys) {
  Found found = find(keys);
  if (!found.value)
    return std::nullopt;
  std::optional<bool> flag = found.value->getAsBoolean();
  if (!flag)
    wrong(found, "true or false");
  return flag;
}

std::optional<std::string> Config::word(Spellings keys) {
  Found found = find(keys);
  if (!found.value)
    return std::nullopt;
  if (std::optional<StringRef> word = found.value->getAsString())
    return word->str();
  wrong(found, "a string");
  return std::nullopt;
}

std::optional<std::vector<std::string>> Config::words(Spellings keys) {
  Found found = find(keys);
  if (!found.value)
    return std::nullopt;
  std::vector<std::string> list;
  const llvm::json::Array *array = found.value->getAsArray();
  bool sound = array && array->size() <= kMaxList;
  for (size_t i = 0; sound && i < array->size(); ++i) {
    std::optional<StringRef> word = (*array)[i].getAsString();
    sound = word.has_value();
    list.push_back(word.value_or("").str());
  }
  if (sound)
    return list;
  wrong(found, "a list of strings");
  return std::nullopt;
}

std::optional<std::vector<double>> Config::numbers(Spellings keys) {
  Found found = find(keys);
  if (!found.value)
    return std::nullopt;
  std::vector<double> list;
  const llvm::json::Array *array = found.value->getAsArray();
  bool sound = array && array->size() <= kMaxList;
  for (size_t i = 0; sound && i < array->size(); ++i) {
    // An off switch may be written as null.
    std::optional<double> number = (*array)[i].kind() == llvm::json::Value::Null
                                       ? 0.0
                                       : (*array)[i].getAsNumber();
    sound = number && std::isfinite(*number);
    list.push_back(number.value_or(0));
  }
  if (sound)
    return list;
  wrong(found, "a list of numbers");
  return std::nullopt;
}

std::optional<Config> Config::part(Spellings keys) {
  Found found = find(keys);
  if (!found.value)
    return std::nullopt;
  const llvm::json::Object *inner = found.value->getAsObject();
  if (!inner) {
    wrong(found, "an object");
    return std::nullopt;
  }
  Config part = *this;
  part.object = inner;
  part.prefix = found.key + ".";
  return part;
}

void Config::ignore(Spellings keys) { find(keys); }

void Config::fail(Spellings keys, const std::string &message) {
  problems->push_back({file, "'" + find(keys).key + "' " + message});
}

static bool isNeutral(const llvm::json::Value &value) {
  using Kind = llvm::json::Value::Kind;
  switch (value.kind()) {
  case Kind::Null:
    return true;
  case Kind::Boolean:
    return !*value.getAsBoolean();
  case Kind::Number:
    return *value.getAsNumber() == 0;
  case Kind::String:
    return value.getAsString()->empty();
  case Kind::Array:
    return value.getAsArray()->empty();
  case Kind::Object:
    return value.getAsObject()->empty();
  }
  return false;
}

void Config::unreadOf(
    const llvm::json::Object &in, const std::string &outer,
    const std::function<void(const std::string &, const llvm::json::Value &)>
        &report) const {
  std::set<std::string> keys; // the object's own order is that of a hash
  for (const auto &entry : in)
    keys.insert(entry.first.str());
  for (const std::string &key : keys) {
    const llvm::json::Value &value = *in.get(key);
    std::string full = outer + key;
    if (!read->count(full)) {
      if (!isNeutral(value))
        report(full, value);
      continue;
    }
    // An object that something looked into, not one that was ignored.
    auto next = read->lower_bound(full + ".");
    bool lookedInto = next != read->end() && next->rfind(full + ".", 0) == 0;
    if (const llvm::json::Object *inner = value.getAsObject();
        inner && lookedInto)
      unreadOf(*inner, full + ".", report);
  }
}

void Config::forEachUnread(
    const std::function<void(const std::string &, const llvm::json::Value &)>
        &report) const {
  unreadOf(*object, prefix, report);
}
