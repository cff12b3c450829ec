//===- Graph.h - Plans of graphs of operators -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A model that is no language model, as an ONNX file: weights, operators in
// order and the tensors between them. Whoever reads the file fills this in.
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_GRAPH_H
#define NARAE_LIB_PLAN_GRAPH_H

#include "lib/plan/Plan.h"

#include <functional>
#include <optional>

namespace narae::plan {

struct GraphWeight {
  std::string name;
  double elements = 0, bytes = 0; ///< bytes as stored
  int64_t rows = 1;               ///< of a matrix; 1: a vector
  bool isFloat = true;
  bool isLinear = false; ///< an operand of a matrix product or a convolution
};

/// A tensor between operators: live in steps [lower, upper). The first operator
/// is step 1; inputs are there from 0 on.
struct GraphBuffer {
  std::string name;
  double elements = 0, bytes = 0;
  bool isFloat = true;
  int64_t lower = 0, upper = 0;
};

/// A step: an operator with the elementwise ones that are computed with it.
struct GraphStep {
  std::string name; ///< the model's node
  double operations = 0;
  double floatBytes = 0, otherBytes = 0; ///< of activations read and written
  std::vector<size_t> weights;           ///< that it reads
};

struct GraphModel {
  std::string name;
  std::vector<GraphWeight> weights;
  std::vector<GraphBuffer> buffers;
  std::vector<GraphStep> steps;
  std::string computeType = "f32"; ///< of the products, as stored
  int64_t batch = 1;
  std::vector<std::string> notes;
};

/// Plans a graph on one device. A precision changes the types of weights and
/// tensors of floats; of `options` it and the batch count. The time of a run
/// stands for prefill and for decode.
Plan makeGraphPlan(const GraphModel &model, const Hardware &hardware,
                   const Options &options);

/// The graph for another batch; none where it cannot be made.
using GraphAtBatch = std::function<std::optional<GraphModel>(int64_t)>;

/// What would make a graph's plan fit that does not, each with its number.
/// \param atBatch may be empty.
std::vector<Advice> adviseGraph(const GraphModel &model,
                                const Hardware &hardware, const Plan &plan,
                                const GraphAtBatch &atBatch);

/// The picture of a graph's plan: a panel a space.
std::string toHtml(const GraphModel &model, const Hardware &hardware,
                   const Plan &plan);

/// A run as trace events: an event an operator in the lanes of compute and
/// memory, counters of what each space holds.
std::string toTrace(const GraphModel &model, const Hardware &hardware,
                    const Plan &plan);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_GRAPH_H
