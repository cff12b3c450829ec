//===- Value.cpp - Metadata of GGUF files ---------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/gguf/File.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace narae::gguf {

template <typename T>
static T element(llvm::StringRef bytes, uint64_t at) {
  return llvm::support::endian::read<T, llvm::endianness::little>(
      bytes.data() + at * sizeof(T));
}

std::optional<int64_t> Value::integer(uint64_t at) const {
  if (at >= count || strings.size() || arrays.size())
    return std::nullopt;
  switch (type) {
  case ValueType::U8:
    return element<uint8_t>(bytes, at);
  case ValueType::I8:
    return element<int8_t>(bytes, at);
  case ValueType::U16:
    return element<uint16_t>(bytes, at);
  case ValueType::I16:
    return element<int16_t>(bytes, at);
  case ValueType::U32:
    return element<uint32_t>(bytes, at);
  case ValueType::I32:
    return element<int32_t>(bytes, at);
  case ValueType::I64:
    return element<int64_t>(bytes, at);
  case ValueType::U64: {
    uint64_t value = element<uint64_t>(bytes, at);
    if (value > static_cast<uint64_t>(INT64_MAX))
      return std::nullopt;
    return static_cast<int64_t>(value);
  }
  default:
    return std::nullopt;
  }
}

std::optional<double> Value::number(uint64_t at) const {
  if (std::optional<int64_t> value = integer(at))
    return static_cast<double>(*value);
  if (at >= count)
    return std::nullopt;
  if (type == ValueType::F32)
    return element<float>(bytes, at);
  if (type == ValueType::F64)
    return element<double>(bytes, at);
  return std::nullopt;
}

std::optional<bool> Value::boolean(uint64_t at) const {
  if (type != ValueType::Bool || at >= count)
    return std::nullopt;
  return element<uint8_t>(bytes, at) != 0;
}

std::optional<llvm::StringRef> Value::string(uint64_t at) const {
  if (type != ValueType::String || at >= strings.size())
    return std::nullopt;
  return strings[at];
}

std::string Value::show() const {
  static const char *const names[] = {"u8",  "i8",  "u16",  "i16",     "u32",
                                      "i32", "f32", "bool", "strings", "arrays",
                                      "u64", "i64", "f64"};
  std::string text;
  llvm::raw_string_ostream out(text);
  if (isArray && count > 4) {
    out << "an array of " << count << " " << names[static_cast<uint32_t>(type)];
    return text;
  }
  if (isArray)
    out << "[";
  for (uint64_t i = 0; i < count; ++i) {
    if (i)
      out << ", ";
    if (std::optional<int64_t> whole = integer(i))
      out << *whole;
    else if (std::optional<double> real = number(i))
      out << llvm::format("%g", *real);
    else if (std::optional<bool> flag = boolean(i))
      out << (*flag ? "true" : "false");
    else if (std::optional<llvm::StringRef> word = string(i))
      llvm::printEscapedString(word->take_front(60), out << '"'), out << '"';
    else
      out << "an array";
  }
  if (isArray)
    out << "]";
  return text;
}

} // namespace narae::gguf
