// RUN: narae-opt %s --narae-verify-memory -split-input-file -verify-diagnostics

func.func @overlap() {
  // expected-error @+1 {{and 'b' live at the same time and may overlap}}
  %a = hbm.buffer "a" : tensor<64xf32> [] in "arena" live [1, 3) at 0
  %b = hbm.buffer "b" : tensor<64xf32> [] in "arena" live [2, 5) at 128
  return
}

// -----

func.func @nowhere() {
  // expected-error @+1 {{has no place after memory}}
  %a = hbm.buffer "a" : tensor<64xf32> [] in "arena" live [1, 3)
  return
}
