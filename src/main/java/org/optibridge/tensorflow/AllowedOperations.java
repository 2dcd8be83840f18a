package org.optibridge.tensorflow;

import java.util.Set;

/**
 * The operations of TensorFlow's that an imported step may be made of: arithmetic on its arguments
 * and nothing else. None reads or writes files, variables or queues, runs code of others, or draws
 * random numbers.
 */
final class AllowedOperations {
  /** Operations that call functions of the same file. */
  static final Set<String> CALLS =
      Set.of(
          "PartitionedCall",
          "StatefulPartitionedCall",
          "StatelessIf",
          "If",
          "StatelessCase",
          "Case",
          "StatelessWhile",
          "While");

  private static final Set<String> ELEMENT_WISE =
      Set.of(
          ("Abs Acos Acosh Add AddN AddV2 Asin Asinh Atan Atan2 Atanh Cast Ceil ClipByValue Cos Cosh"
                  + " Digamma Div DivNoNan Elu Equal Erf Erfc Erfinv Exp Expm1 Floor FloorDiv FloorMod"
                  + " Greater GreaterEqual IsFinite IsInf IsNan LeakyRelu Less LessEqual Lgamma Log"
                  + " Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg"
                  + " NextAfter NotEqual OnesLike Pow RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt"
                  + " Select SelectV2 Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square"
                  + " SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy"
                  + " ZerosLike")
              .split(" "));

  private static final Set<String> TENSORS =
      Set.of(
          ("All Any ArgMax ArgMin BatchMatMulV2 BroadcastArgs BroadcastTo Cholesky Concat ConcatV2 Const"
                  + " Cumprod Cumsum Einsum EnsureShape ExpandDims Fill Gather GatherNd GatherV2"
                  + " Identity IdentityN InvertPermutation L2Loss LinSpace MatMul MatrixBandPart"
                  + " MatrixDiag MatrixDiagPart MatrixDiagPartV3 MatrixDiagV3 MatrixInverse"
                  + " MatrixSolve Max Mean Min NoOp OneHot Pack Pad PadV2 PreventGradient Prod Qr Range"
                  + " Rank Reshape Reverse ReverseV2 Roll SelfAdjointEigV2 Shape ShapeN Size Slice"
                  + " Softmax Split SplitV Squeeze StopGradient StridedSlice Sum Svd Tile TopKV2"
                  + " Transpose Unpack Where")
              .split(" "));

  private AllowedOperations() {}

  static boolean allows(String operation) {
    return ELEMENT_WISE.contains(operation)
        || TENSORS.contains(operation)
        || CALLS.contains(operation);
  }
}
