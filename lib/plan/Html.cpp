//===- Html.cpp - Pictures of memory as one page --------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/plan/Html.h"

#include "lib/plan/PageFiles.h" // generated from html/

using namespace narae::plan;

/// Text of the page that must not be markup.
static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    result += c == '<'   ? "&lt;"
              : c == '>' ? "&gt;"
              : c == '&' ? "&amp;"
              : c == '"' ? "&quot;"
                         : std::string(1, c);
  return result;
}

/// JSON within a script element: nothing in it may end the element.
static std::string inScript(const std::string &json) {
  std::string result;
  for (char c : json)
    result += c == '<' ? "\\u003c" : std::string(1, c);
  return result;
}

std::string narae::plan::htmlPage(const std::string &title,
                                  const std::string &data) {
  const std::pair<std::string, std::string> values[] = {
      {"{{title}}", escaped(title)},
      {"{{style}}", pageStyle},
      {"{{data}}", inScript(data)},
      {"{{script}}", std::string(pagePage) + pagePanel + pageBars + pagePlan +
                         pageArtifact + pageMain}};
  std::string frame = pageFrame, result;
  for (size_t at = 0; at < frame.size();) {
    size_t mark = std::min(frame.find("{{", at), frame.size());
    result += frame.substr(at, mark - at);
    at = mark;
    for (const auto &[name, value] : values)
      if (frame.compare(at, name.size(), name) == 0) {
        result += value;
        at += name.size();
        break;
      }
  }
  return result;
}
