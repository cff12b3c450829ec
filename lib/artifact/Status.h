//===- Status.h - Errors as values -----------------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An error is a sentence for the user. No exceptions, so that the compiler,
// which is built without them, can use the same types.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_ARTIFACT_STATUS_H
#define NARAE_LIB_ARTIFACT_STATUS_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace narae {

/// Success, or a message. Success allocates nothing.
class [[nodiscard]] Status {
public:
  static Status success() { return Status(); }
  static Status error(std::string message) {
    Status status;
    status.text = std::move(message);
    status.isError = true;
    return status;
  }
  bool ok() const { return !isError; }
  bool failed() const { return isError; }
  /// The sentence for the user; empty on success.
  const std::string &message() const { return text; }

private:
  std::string text;
  bool isError = false;
};

/// A value, or the status that says why there is none.
template <typename T>
class [[nodiscard]] Expected {
public:
  Expected(T value) : value(std::move(value)) {}
  Expected(Status status) : failure(std::move(status)) {
    assert(failure.failed() && "an Expected without value needs an error");
  }
  bool ok() const { return value.has_value(); }
  bool failed() const { return !value.has_value(); }
  const Status &status() const { return failure; }
  const std::string &message() const { return failure.message(); }
  T &operator*() { return *value; }
  const T &operator*() const { return *value; }
  T *operator->() { return &*value; }
  const T *operator->() const { return &*value; }

private:
  std::optional<T> value;
  Status failure;
};

} // namespace narae

#endif // NARAE_LIB_ARTIFACT_STATUS_H
