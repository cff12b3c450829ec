// RUN: narae-opt %s -split-input-file -verify-diagnostics

func.func @lifetime() {
  // expected-error @+1 {{lifetime [3, 3) is empty}}
  %a = hbm.buffer "a" : tensor<64xf32> [] in "arena" live [3, 3)
  return
}

// -----

func.func @space() {
  // expected-error @+1 {{unknown space 'attic'}}
  %a = hbm.buffer "a" : tensor<64xf32> [] in "attic" live [1, 3)
  return
}

// -----

func.func @sizes() {
  // expected-error @+1 {{has 0 sizes for 1 dynamic dimensions}}
  %a = hbm.buffer "a" : tensor<?xf32> [] in "arena" live [1, 3)
  return
}

// -----

func.func @offset() {
  // expected-error @+1 {{offset 12 is not aligned to 64}}
  %a = hbm.buffer "a" : tensor<4xf32> [] in "arena" live [1, 3) at 12
  return
}
