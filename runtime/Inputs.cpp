//===- Inputs.cpp - Checks of the caller's tensors -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/Types.h"
#include "runtime/Session.h"

using namespace narae;
using namespace narae::artifact;
using namespace narae::runtime;

std::string runtime::formatShape(const int64_t *dims, size_t rank) {
  std::string result = "[";
  for (size_t i = 0; i < rank; ++i)
    result += (i ? ", " : "") + std::to_string(dims[i]);
  return result + "]";
}

/// "f32[batch, 3, ?]"
static std::string formatSpec(const narae_tensor_info &info) {
  std::string result = std::string(typeName(info.type)) + "[";
  for (size_t i = 0; i < info.rank; ++i) {
    const narae_dim &dim = info.dims[i];
    std::string name = *dim.name ? dim.name : "?";
    result +=
        (i ? ", " : "") + (dim.value >= 0 ? std::to_string(dim.value) : name);
  }
  return result + "]";
}

static std::string formatTensor(const narae_tensor &tensor) {
  return typeName(tensor.type) + (tensor.shape || tensor.rank == 0
                                      ? formatShape(tensor.shape, tensor.rank)
                                      : std::string("[no shape]"));
}

static bool dimFits(const narae_dim &spec, int64_t value) {
  if (spec.value >= 0)
    return value == spec.value;
  return value >= spec.min && value >= 0 && (spec.max < 0 || value <= spec.max);
}

/// "dimension 1 ('seq') is 600, it must be between 1 and 512"
static std::string dimProblem(const narae_dim &spec, size_t index,
                              int64_t value) {
  std::string text = "dimension " + std::to_string(index);
  if (spec.value < 0 && *spec.name)
    text += " ('" + std::string(spec.name) + "')";
  text += " is " + std::to_string(value) + ", it must be ";
  if (spec.value >= 0)
    return text + std::to_string(spec.value);
  if (spec.max < 0)
    return text + "at least " + std::to_string(spec.min);
  return text + "between " + std::to_string(spec.min) + " and " +
         std::to_string(spec.max);
}

/// Whether a tensor is what `spec` says; the quiet half of `tensorProblem`.
static bool tensorFits(const narae_tensor_info &spec,
                       const narae_tensor &tensor) {
  if (tensor.type != spec.type || tensor.rank != spec.rank ||
      (tensor.rank && !tensor.shape))
    return false;
  for (size_t i = 0; i < spec.rank; ++i)
    if (!dimFits(spec.dims[i], tensor.shape[i]))
      return false;
  int64_t bytes;
  return artifact::tensorBytes(tensor.shape, tensor.rank, tensor.type, bytes) &&
         (bytes == 0 || tensor.data);
}

/// What is wrong with a tensor, all of it in one line.
static std::string tensorProblem(const narae_tensor_info &spec,
                                 const narae_tensor &tensor) {
  std::string text =
      "expected " + formatSpec(spec) + ", got " + formatTensor(tensor) + ": ";
  std::string separator;
  auto add = [&](const std::string &problem) {
    text += separator + problem;
    separator = "; ";
  };
  if (tensor.type != spec.type)
    add(std::string("the type is ") + typeName(tensor.type) + ", it must be " +
        typeName(spec.type));
  if (tensor.rank != spec.rank) {
    add("the rank is " + std::to_string(tensor.rank) + ", it must be " +
        std::to_string(spec.rank));
    return text;
  }
  if (tensor.rank && !tensor.shape) {
    add("there is no shape");
    return text;
  }
  for (size_t i = 0; i < spec.rank; ++i)
    if (!dimFits(spec.dims[i], tensor.shape[i]))
      add(dimProblem(spec.dims[i], i, tensor.shape[i]));
  int64_t bytes = 0;
  if (separator.empty() &&
      !artifact::tensorBytes(tensor.shape, tensor.rank, tensor.type, bytes))
    add("it is too large");
  if (bytes && !tensor.data)
    add("there is no data");
  return text;
}

static Status countProblem(const char *what,
                           const std::vector<TensorInfo> &specs, size_t count) {
  std::string names;
  for (const TensorInfo &spec : specs)
    names += std::string(names.empty() ? ": " : ", ") + spec.info.name;
  return Status::error("there must be " + std::to_string(specs.size()) + " " +
                       what + names + "; got " + std::to_string(count));
}

Status runtime::checkInputs(const EntryPlan &plan, const narae_tensor *inputs,
                            size_t count) {
  const std::vector<TensorInfo> &specs = plan.info.inputs;
  if (count != specs.size() || (count && !inputs))
    return countProblem("inputs", specs, count);
  std::string problems;
  bool readable = true;
  for (size_t i = 0; i < count; ++i) {
    if (tensorFits(specs[i].info, inputs[i]))
      continue;
    readable &= inputs[i].rank == specs[i].info.rank &&
                (inputs[i].shape || inputs[i].rank == 0);
    problems += std::string("\n  input '") + specs[i].info.name +
                "': " + tensorProblem(specs[i].info, inputs[i]);
  }
  for (const SharedDim &shared : plan.sharedDims) {
    if (!readable)
      break;
    int64_t value = inputs[shared.input].shape[shared.dim];
    int64_t first = inputs[shared.firstInput].shape[shared.firstDim];
    if (value == first)
      continue;
    problems += std::string("\n  input '") + specs[shared.input].info.name +
                "': dimension " + std::to_string(shared.dim) + " ('" +
                specs[shared.input].dims[shared.dim].name + "') is " +
                std::to_string(value) + ", but " + std::to_string(first) +
                " in input '" + specs[shared.firstInput].info.name + "'";
  }
  if (problems.empty())
    return Status::success();
  return Status::error(std::string("entry '") + plan.info.name +
                       "' cannot run with these inputs:" + problems);
}

Status runtime::checkOutputs(const EntryPlan &plan, const narae_tensor *outputs,
                             size_t count) {
  const std::vector<TensorInfo> &specs = plan.info.outputs;
  if (count != specs.size() || (count && !outputs))
    return countProblem("outputs", specs, count);
  std::string problems;
  for (size_t i = 0; i < count; ++i)
    if (outputs[i].data && !tensorFits(specs[i].info, outputs[i]))
      problems += std::string("\n  output '") + specs[i].info.name +
                  "': " + tensorProblem(specs[i].info, outputs[i]);
  if (problems.empty())
    return Status::success();
  return Status::error(std::string("entry '") + plan.info.name +
                       "' cannot write to these outputs:" + problems);
}
