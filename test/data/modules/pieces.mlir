// One weight in one piece, one in two, that lie apart.
fm.weight_data @whole : tensor<6x4xf32> {file = "table.bin", offset = 8 : i64, length = 96 : i64, hash = 0 : i64}
fm.weight_data @parts : tensor<2x4xf32> {file = "", offset = 0 : i64, length = 32 : i64, hash = 0 : i64, pieces = [
  {file = "table.bin", offset = 72 : i64, length = 16 : i64}, {file = "table.bin", offset = 8 : i64, length = 16 : i64}]}
func.func @main(%i: tensor<2xi64> {fm.name = "i"}) -> (tensor<2x4xf32> {fm.name = "y"}, tensor<2x4xf32> {fm.name = "z"}) {
  %w = fm.weight @whole : tensor<6x4xf32>
  %p = fm.weight @parts : tensor<2x4xf32>
  %y = fm.gather %w, %i {axis = 0 : i64} : (tensor<6x4xf32>, tensor<2xi64>) -> tensor<2x4xf32>
  %z = fm.add %y, %p : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y, %z : tensor<2x4xf32>, tensor<2x4xf32>
}
