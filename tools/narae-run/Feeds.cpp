//===- Feeds.cpp - Input tensors from the command line --------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/Feeds.h"
#include "lib/artifact/Types.h"
#include "lib/artifact/Values.h"
#include "tools/narae-run/NpyText.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace narae;

namespace {
/// What elements are filled with: random numbers of [low, high), or `low`
/// everywhere.
struct Fill {
  bool random = true;
  bool hasRange = false;
  double low = 0, high = 1;
};

/// An input's VALUE, apart from files.
struct FeedSpec {
  bool hasShape = false;
  std::vector<int64_t> shape;
  unsigned type = 0;
  Fill fill;
};
} // namespace

std::string narae::describe(const narae_tensor_info &info) {
  std::string result = std::string(narae_type_name(info.type)) + "[";
  for (size_t i = 0; i < info.rank; ++i) {
    const narae_dim &dim = info.dims[i];
    std::string name = *dim.name ? dim.name : "?";
    result +=
        (i ? ", " : "") + (dim.value >= 0 ? std::to_string(dim.value) : name);
  }
  return result + "]";
}

size_t narae::splitNamed(const std::string &argument,
                         const std::vector<std::string> &names,
                         std::string &value) {
  size_t best = names.size();
  for (size_t i = 0; i < names.size(); ++i)
    if (argument.compare(0, names[i].size(), names[i]) == 0 &&
        argument.size() > names[i].size() && argument[names[i].size()] == '=' &&
        (best == names.size() || names[i].size() > names[best].size()))
      best = i;
  if (best != names.size())
    value = argument.substr(names[best].size() + 1);
  return best;
}

/// "1x16"; "scalar" for rank 0. `shape` stays as it is when this is none.
static bool parseShape(const std::string &text, std::vector<int64_t> &shape) {
  std::vector<int64_t> dims;
  for (size_t at = 0; text != "scalar" && at <= text.size();) {
    size_t end = std::min(text.find('x', at), text.size());
    if (end == at || end - at > 18 ||
        text.find_first_not_of("0123456789", at) < end)
      return false;
    dims.push_back(std::strtoll(text.c_str() + at, nullptr, 10));
    at = end + 1;
  }
  shape = std::move(dims);
  return true;
}

/// "zeros", "ones", "random", "random(LOW,HIGH)".
static bool parseFill(const std::string &text, Fill &fill) {
  if (text == "random")
    return true;
  if (text == "zeros" || text == "ones") {
    fill.random = false;
    fill.low = text == "ones";
    return true;
  }
  if (text.compare(0, 7, "random(") != 0 || text.back() != ')')
    return false;
  char *end = nullptr;
  fill.low = std::strtod(text.c_str() + 7, &end);
  if (end == text.c_str() + 7 || *end != ',')
    return false;
  const char *second = end + 1;
  fill.high = std::strtod(second, &end);
  fill.hasRange = true;
  return end != second && end == text.c_str() + text.size() - 1 &&
         std::isfinite(fill.low) && std::isfinite(fill.high) &&
         fill.low <= fill.high;
}

static Status parseSpec(const std::string &value, FeedSpec &spec) {
  for (size_t at = 0; at <= value.size();) {
    size_t end = std::min(value.find(':', at), value.size());
    std::string part = value.substr(at, end - at);
    at = end + 1;
    if (unsigned type = artifact::typeFromName(part.data(), part.size())) {
      spec.type = type;
    } else if (parseShape(part, spec.shape)) {
      spec.hasShape = true;
    } else if (!parseFill(part, spec.fill)) {
      return Status::error("'" + part +
                           "' is no shape (1x16), no type (f32, i64, ...) and "
                           "no content (zeros, ones, random, random(0,10))");
    }
  }
  return Status::success();
}

/// SplitMix64 (Steele, Lea, Flood 2014).
static uint64_t nextRandom(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static void fillFeed(Feed &feed, Fill fill, uint64_t seed) {
  size_t size = narae_type_size(feed.type);
  size_t number = feed.bytes.size() / size;
  bool integers = !isFloat(feed.type);
  if (!fill.hasRange && integers && fill.random)
    fill.high = feed.type == NARAE_BOOL ? 2 : 10;
  for (size_t i = 0; i < number; ++i) {
    double value = fill.low;
    if (fill.random) {
      double unit = static_cast<double>(nextRandom(seed) >> 11) * 0x1p-53;
      value += unit * (fill.high - fill.low);
      if (integers)
        value = std::floor(value);
    }
    writeElement(feed.type, feed.bytes.data(), i, value);
  }
}

static Status allocateFeed(Feed &feed) {
  int64_t bytes = 0;
  if (!artifact::byteSize(feed.shape.data(), feed.shape.size(),
                          narae_type_size(feed.type), bytes))
    return Status::error("the shape is too large");
  feed.bytes.resize(static_cast<size_t>(bytes));
  return Status::success();
}

static Status readFeed(const std::string &path, const narae_tensor_info &info,
                       Feed &feed) {
  Expected<NpyArray> array = readNpy(path);
  if (array.failed())
    return array.status();
  feed.type = npyType(*array, info.type);
  if (feed.type == NARAE_STRING) {
    Expected<std::vector<std::string>> strings = textOf(*array);
    if (strings.failed())
      return Status::error("'" + path + "': " + strings.message());
    feed.strings = std::move(*strings);
    feed.shape = std::move(array->shape);
    return Status::success();
  }
  if (!narae_type_size(feed.type))
    return Status::error("'" + path + "' holds '" + array->descr +
                         "', which is no type of Narae");
  feed.shape = std::move(array->shape);
  feed.bytes = std::move(array->bytes);
  return Status::success();
}

/// Makes the tensor of one input; `value` is null when it was not given.
static Status makeFeed(const narae_tensor_info &info, const std::string *value,
                       uint64_t seed, Feed &feed) {
  if (value && !value->empty() && (*value)[0] == '@')
    return readFeed(value->substr(1), info, feed);
  FeedSpec spec;
  if (value)
    if (Status status = parseSpec(*value, spec); status.failed())
      return status;
  feed.type = spec.type ? static_cast<narae_type>(spec.type) : info.type;
  if (feed.type == NARAE_STRING)
    return Status::error("strings come from a file: --input '" +
                         std::string(info.name) +
                         "=@strings.npy', saved from "
                         "np.array([...], dtype=str)");
  feed.shape = spec.shape;
  for (size_t i = 0; !spec.hasShape && i < info.rank; ++i) {
    if (info.dims[i].value < 0)
      return Status::error("its shape " + describe(info) +
                           " is not fixed; give one, as --input '" + info.name +
                           "=1x16:" + narae_type_name(info.type) + ":random'");
    feed.shape.push_back(info.dims[i].value);
  }
  if (Status status = allocateFeed(feed); status.failed())
    return status;
  fillFeed(feed, spec.fill, seed);
  return Status::success();
}

Expected<std::vector<Feed>>
narae::makeFeeds(const narae_artifact *artifact, size_t entry,
                 const std::vector<std::string> &args, uint64_t seed) {
  size_t number = narae_artifact_input_count(artifact, entry);
  std::vector<std::string> names, values(number);
  std::vector<bool> given(number);
  std::string problems, known;
  for (size_t i = 0; i < number; ++i) {
    names.push_back(narae_artifact_input(artifact, entry, i)->name);
    known += (i ? ", " : "") + names.back();
  }
  for (const std::string &argument : args) {
    std::string value;
    size_t input = splitNamed(argument, names, value);
    if (input == number)
      problems +=
          "\n  --input " + argument +
          ": it must be NAME=VALUE with an input of this entry: " + known;
    else if (given[input])
      problems += "\n  input '" + names[input] + "': it was given twice";
    else
      given[input] = true, values[input] = value;
  }
  std::vector<Feed> feeds(number);
  for (size_t i = 0; i < number; ++i)
    if (Status status =
            makeFeed(*narae_artifact_input(artifact, entry, i),
                     given[i] ? &values[i] : nullptr, seed + i, feeds[i]);
        status.failed())
      problems += "\n  input '" + names[i] + "': " + status.message();
  if (!problems.empty())
    return Status::error("the inputs are not complete:" + problems);
  return feeds;
}
