package org.optibridge.cli.replay;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.optibridge.vector.Vector;

/**
 * An expression over vectors as Python writes it: {@code + - * / **}, numbers, parentheses, and
 * methods such as {@code a.minimum(0.25)}. {@code x / a} and {@code x - a} with a number x are
 * computed as the origin does: {@code (a / x) ** -1} and {@code -1 * (a - x)}.
 */
final class VectorExpression {
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(?:(?<number>\\d+\\.?\\d*(?:[eE][-+]?\\d+)?|\\.\\d+)|(?<name>[A-Za-z_]\\w*)"
              + "|(?<sign>\\*\\*|[-+*/().,]))");

  private final String text;
  private final Map<String, Vector> operands;
  private final Matcher tokens;
  private String token = "";
  private int next;

  /** An expression; operands stay the caller's. */
  VectorExpression(String text, Map<String, Vector> operands) {
    this.text = text;
    this.operands = operands;
    this.tokens = TOKEN.matcher(text);
    advance();
  }

  /** The value, to be closed by the caller. */
  Vector vector() {
    Object value = sum();
    if (!token.isEmpty()) {
      throw wrong("unexpected '" + token + "'");
    }
    if (value instanceof Vector vector) {
      return vector.materialize();
    }
    throw wrong("its value is a number, not a vector");
  }

  private BadCaseException wrong(String problem) {
    return new BadCaseException("'results': can't evaluate \"" + text + "\": " + problem);
  }

  private void advance() {
    if (text.substring(next).isBlank()) {
      token = "";
    } else if (tokens.region(next, text.length()).lookingAt()) {
      token = tokens.group().strip();
      next = tokens.end();
    } else {
      throw wrong("unexpected '" + text.substring(next).strip() + "'");
    }
  }

  private boolean take(String wanted) {
    if (!token.equals(wanted)) {
      return false;
    }
    advance();
    return true;
  }

  private void need(String wanted) {
    if (!take(wanted)) {
      throw wrong("expected '" + wanted + "', got '" + token + "'");
    }
  }

  private Object sum() {
    Object left = product();
    while (true) {
      if (take("+")) {
        left = plus(left, product());
      } else if (take("-")) {
        left = minus(left, product());
      } else {
        return left;
      }
    }
  }

  private Object product() {
    Object left = signed();
    while (true) {
      if (take("*")) {
        left = times(left, signed());
      } else if (take("/")) {
        left = over(left, signed());
      } else {
        return left;
      }
    }
  }

  private Object signed() {
    if (take("-")) {
      Object value = signed();
      return value instanceof Vector v ? v.negate() : (Object) (-(Double) value);
    }
    return take("+") ? signed() : power();
  }

  private Object power() {
    Object base = called();
    if (!take("**")) {
      return base;
    }
    Object exponent = signed(); // binds to the right: a ** -2, a ** b ** c
    if (!(exponent instanceof Double number)) {
      throw wrong("an exponent must be a number");
    }
    return base instanceof Vector v ? v.power(number) : (Object) Math.pow((Double) base, number);
  }

  private Object called() {
    Object value = atom();
    while (take(".")) {
      String method = token;
      advance();
      need("(");
      if (!(value instanceof Vector vector)) {
        throw wrong("numbers have no methods");
      }
      if (take(")")) {
        value = unary(method, vector);
      } else {
        Object argument = sum();
        need(")");
        value = binary(method, vector, argument);
      }
    }
    return value;
  }

  private Object atom() {
    if (take("(")) {
      Object value = sum();
      need(")");
      return value;
    }
    String atom = token;
    if (atom.isEmpty()) {
      throw wrong("it ends too early");
    }
    advance();
    if (Character.isDigit(atom.charAt(0)) || atom.charAt(0) == '.') {
      return Double.valueOf(atom);
    }
    Vector operand = operands.get(atom);
    if (operand == null) {
      throw wrong("'" + atom + "' is none of its vectors " + operands.keySet());
    }
    return operand;
  }

  private Vector unary(String method, Vector vector) {
    return switch (method) {
      case "sign" -> vector.sign();
      case "sum" -> vector.sum();
      case "abs" -> vector.abs();
      case "sqrt" -> vector.sqrt();
      case "square" -> vector.square();
      case "negate" -> vector.negate();
      case "reciprocal" -> vector.reciprocal();
      default -> throw wrong("there is no '" + method + "()'");
    };
  }

  private Vector binary(String method, Vector vector, Object argument) {
    return switch (method) {
      case "minimum" ->
          argument instanceof Vector v ? vector.minimum(v) : vector.minimum((Double) argument);
      case "maximum" ->
          argument instanceof Vector v ? vector.maximum(v) : vector.maximum((Double) argument);
      default -> throw wrong("there is no '" + method + "(x)'");
    };
  }

  private static Object plus(Object left, Object right) {
    if (left instanceof Vector a) {
      return right instanceof Vector b ? a.plus(b) : a.plus((Double) right);
    }
    return right instanceof Vector b ? b.plus((Double) left) : (Double) left + (Double) right;
  }

  private static Object minus(Object left, Object right) {
    if (left instanceof Vector a) {
      return right instanceof Vector b ? a.minus(b) : a.minus((Double) right);
    }
    return right instanceof Vector b
        ? b.minus((Double) left).negate()
        : (Object) ((Double) left - (Double) right);
  }

  private static Object times(Object left, Object right) {
    if (left instanceof Vector a) {
      return right instanceof Vector b ? a.times(b) : a.times((Double) right);
    }
    return right instanceof Vector b ? b.times((Double) left) : (Double) left * (Double) right;
  }

  private static Object over(Object left, Object right) {
    if (left instanceof Vector a) {
      return right instanceof Vector b ? a.dividedBy(b) : a.dividedBy((Double) right);
    }
    return right instanceof Vector b
        ? b.dividedBy((Double) left).reciprocal()
        : (Object) ((Double) left / (Double) right);
  }
}
