// A weight of which only the shape is known.
fm.weight_data @w : tensor<6x4xf32> {file = "", offset = 0 : i64, length = 96 : i64, hash = 0 : i64, absent}
func.func @main(%x: tensor<2x6xf32> {fm.name = "x"}) -> (tensor<2x4xf32> {fm.name = "y"}) {
  %w = fm.weight @w : tensor<6x4xf32>
  %y = fm.matmul %x, %w : (tensor<2x6xf32>, tensor<6x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
