//===- Artifacts.cpp - Artifacts, sessions and their inputs ---------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae/Artifacts.h"

#include "tools/narae/Options.h"

#include <algorithm>

using namespace narae;
using namespace narae::tool;

Status tool::fromC(narae_status *status) {
  if (!status)
    return Status::success();
  Status result = Status::error(narae_status_message(status));
  narae_status_free(status);
  return result;
}

Expected<ArtifactPtr> tool::loadArtifact(const std::string &path) {
  narae_load_options options = {sizeof options, 0, nullptr};
  narae_artifact *artifact = nullptr;
  if (Status status =
          fromC(narae_artifact_load(path.c_str(), &options, &artifact));
      status.failed())
    return status;
  return ArtifactPtr(artifact);
}

Expected<SessionPtr> tool::makeSession(narae_artifact *artifact,
                                       const std::string &device,
                                       int32_t threads) {
  narae_session_options options = {
      sizeof options, device.empty() ? nullptr : device.c_str(), threads};
  narae_session *session = nullptr;
  if (Status status = fromC(narae_session_create(artifact, &options, &session));
      status.failed())
    return status;
  return SessionPtr(session);
}

Expected<size_t> tool::findEntry(const narae_artifact *artifact,
                                 const std::string &name) {
  std::vector<std::string> names;
  for (size_t i = 0; i < narae_artifact_entry_count(artifact); ++i)
    names.push_back(narae_artifact_entry_name(artifact, i));
  if (names.empty())
    return Status::error("the artifact has no entries");
  if (name.empty())
    return size_t(0);
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    return Status::error("there is no entry '" + name + "'" +
                         didYouMean(name, names));
  return static_cast<size_t>(found - names.begin());
}

Status tool::addSize(const std::string &text,
                     std::map<std::string, int64_t> &dims) {
  size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0)
    return Status::error("takes NAME=SIZE, not '" + text + "'");
  return parseInteger(text.substr(equals + 1), 0, INT64_MAX,
                      dims[text.substr(0, equals)]);
}

/// "--input" text for a random input, with sizes for dynamic dimensions.
static std::string randomInput(const narae_tensor_info &info,
                               const std::map<std::string, int64_t> &dims) {
  std::string shape;
  for (size_t i = 0; i < info.rank; ++i) {
    const narae_dim &dim = info.dims[i];
    int64_t size = dim.value;
    if (size < 0) {
      auto byName = dims.find(dim.name);
      auto byAxis = dims.find(std::string(info.name) + "." + std::to_string(i));
      size = std::max<int64_t>(16, dim.min);
      if (dim.max >= 0)
        size = std::min(size, dim.max);
      if (byName != dims.end())
        size = byName->second;
      if (byAxis != dims.end())
        size = byAxis->second;
    }
    shape += (i ? "x" : "") + std::to_string(size);
  }
  return std::string(info.name) + "=" + shape + ":" +
         narae_type_name(info.type) + ":random";
}

Expected<std::vector<Feed>>
tool::makeInputs(const narae_artifact *artifact, size_t entry,
                 const std::vector<std::string> &inputs,
                 const std::map<std::string, int64_t> &dims, uint64_t seed) {
  std::vector<std::string> all = inputs, names;
  size_t number = narae_artifact_input_count(artifact, entry);
  for (size_t i = 0; i < number; ++i)
    names.push_back(narae_artifact_input(artifact, entry, i)->name);
  std::vector<bool> given(number);
  for (const std::string &input : inputs) {
    std::string value;
    size_t index = splitNamed(input, names, value);
    if (index < number)
      given[index] = true;
  }
  for (size_t i = 0; i < number; ++i) {
    const narae_tensor_info &info = *narae_artifact_input(artifact, entry, i);
    bool isDynamic =
        std::any_of(info.dims, info.dims + info.rank,
                    [](const narae_dim &dim) { return dim.value < 0; });
    if (!given[i] && isDynamic)
      all.push_back(randomInput(info, dims));
  }
  return makeFeeds(artifact, entry, all, seed);
}

Expected<std::vector<narae_tensor>>
tool::runOnce(narae_session *session, const narae_artifact *artifact,
              size_t entry, std::vector<Feed> &feeds) {
  // Tensors without elements have an address, too.
  static char nothing;
  std::vector<narae_tensor> inputs;
  for (Feed &feed : feeds) {
    inputs.push_back(feed.tensor());
    if (!inputs.back().data)
      inputs.back().data = &nothing;
  }
  std::vector<narae_tensor> outputs(
      narae_artifact_output_count(artifact, entry));
  if (Status status =
          fromC(narae_session_run(session, entry, inputs.data(), inputs.size(),
                                  outputs.data(), outputs.size()));
      status.failed())
    return status;
  return outputs;
}
