//===- FmText.td - Functions of strings --------------------*- tablegen -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_FM_TEXT
#define NARAE_FM_TEXT

include "dialects/fm/FmBase.td"

def Fm_TextOp : Fm_PureOp<"text"> {
  let summary = "a function of single strings, which the host computes";
  let description = [{
    Element by element, on operands of one shape; `to` is the type of the
    result's elements. `function` is

    - `lower`, `upper`: a string with letters in one case;
    - `concat`: two strings as one;
    - `count`: the number of parts (i64) that `fm.text_split` makes;
    - `match`: whether the whole string matches the regular expression
      `pattern` (i1);
    - `parse`: the number that a string says (f32, f64, i64 or ui64);
    - `format`: a number of those types, or an i1, as a string.
  }];
  let arguments = (ins Variadic<Fm_Tensor>:$inputs, StrAttr:$function,
                       TypeAttr:$to,
                       DefaultValuedStrAttr<StrAttr, "">:$pattern,
                       DefaultValuedAttr<I64Attr, "-1">:$limit);
  let results = (outs Fm_Tensor:$result);
}
def Fm_TextSplitOp : Fm_PureOp<"text_split"> {
  let summary = "the parts of strings along a new last dimension";
  let description = [{
    Strings are cut at each `delimiter`, at most `limit` times where that is
    not negative; with an empty delimiter at each run of white space, and the
    string is trimmed. `shape` is a 1-D i64 tensor: the operand's dimensions
    and the number of parts. Missing parts are empty strings.
  }];
  let arguments = (ins Fm_Tensor:$input, Fm_Tensor:$shape,
                       StrAttr:$delimiter,
                       DefaultValuedAttr<I64Attr, "-1">:$limit);
  let results = (outs Fm_Tensor:$result);
}

#endif // NARAE_FM_TEXT
