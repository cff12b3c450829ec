//===- Feeds.h - Input tensors from the command line ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_RUN_FEEDS_H
#define NARAE_TOOLS_NARAE_RUN_FEEDS_H

#include "lib/artifact/Status.h"
#include "narae/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narae {

/// A tensor with its memory.
struct Feed {
  narae_type type;
  std::vector<int64_t> shape;
  std::vector<char> bytes;
  std::vector<std::string> strings; ///< instead of bytes
  std::vector<const char *> pointers;

  narae_tensor tensor() {
    if (type != NARAE_STRING)
      return {type, shape.size(), shape.data(), bytes.data()};
    pointers.clear();
    for (const std::string &text : strings)
      pointers.push_back(text.c_str());
    return {type, shape.size(), shape.data(), pointers.data()};
  }
};

/// Makes one tensor an input of the entry out of `--input` arguments
/// ("NAME=VALUE"); inputs that none of them names are random if their shape
/// is fixed. An error lists every problem. The same seed gives the same
/// numbers.
Expected<std::vector<Feed>> makeFeeds(const narae_artifact *artifact,
                                      size_t entry,
                                      const std::vector<std::string> &args,
                                      uint64_t seed);

/// Splits "NAME=VALUE" where NAME is one of `names`, which may themselves
/// hold '='. Returns the name's index, or names.size().
size_t splitNamed(const std::string &argument,
                  const std::vector<std::string> &names, std::string &value);

/// "f32[batch, 3]"
std::string describe(const narae_tensor_info &info);

} // namespace narae

#endif // NARAE_TOOLS_NARAE_RUN_FEEDS_H
