package org.optibridge.cli.replay;

import org.jspecify.annotations.Nullable;

/**
 * What became of a case.
 *
 * @param name the case's name
 * @param status the verdict
 * @param maxAbs the largest absolute gap; NaN if nothing was compared, infinite if one side alone
 *     was not a number
 * @param maxRel the largest relative gap, over values above 1e-3 of their tensor's largest
 * @param where the step, tensor and index of the first value that is out of tolerance; else null
 * @param message what is wrong there, why the case was not run, or what of it was left out; else
 *     null
 */
public record CaseResult(
    String name,
    Status status,
    double maxAbs,
    double maxRel,
    @Nullable String where,
    @Nullable String message) {
  /** Verdicts. */
  public enum Status {
    /** All values are within tolerance. */
    PASS,
    /** A value is not. */
    FAIL,
    /** The case can't be run: it is malformed, or names something unknown. */
    ERROR,
    /** The framework that it needs is not there, or a loss that is not known here. */
    SKIP
  }

  static CaseResult without(String name, Status status, String message) {
    return new CaseResult(name, status, Double.NaN, Double.NaN, null, message);
  }
}
