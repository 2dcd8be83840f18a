package org.optibridge.testing;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * Says at the end of a run which frameworks were there, and what was skipped and why. A test that
 * was skipped with its class or its parameters counts once for each method.
 */
public final class RunSummary implements LauncherSessionListener, TestExecutionListener {
  private final Map<String, Integer> skipped = new TreeMap<>();
  private int passed;
  private int failed;
  private TestPlan plan;

  @Override
  public void launcherSessionOpened(LauncherSession session) {
    session.getLauncher().registerTestExecutionListeners(this);
  }

  @Override
  public void testPlanExecutionStarted(TestPlan testPlan) {
    plan = testPlan;
  }

  @Override
  public synchronized void executionSkipped(TestIdentifier test, String reason) {
    // A method with parameters is a container whose tests are not known when it is skipped.
    int methods =
        (int)
            Stream.concat(Stream.of(test), plan.getDescendants(test).stream())
                .filter(one -> plan.getChildren(one).isEmpty())
                .count();
    skipped.merge(reason, methods, Integer::sum);
  }

  @Override
  public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
    switch (result.getStatus()) {
      case SUCCESSFUL -> passed += test.isTest() ? 1 : 0;
      case FAILED -> failed++;
      case ABORTED ->
          skipped.merge(
              result
                  .getThrowable()
                  .map(Throwable::getMessage)
                  .orElse("no reason given")
                  .replaceFirst("^Assumption failed: ", ""),
              1,
              Integer::sum);
    }
  }

  @Override
  public synchronized void launcherSessionClosed(LauncherSession session) {
    if (passed + failed + skipped.size() > 0) {
      System.out.println(text());
    }
  }

  private String text() {
    String present =
        Stream.of(Framework.values())
            .filter(Framework::isPresent)
            .map(one -> one + " (" + one.jar() + ")")
            .collect(Collectors.joining(", "));
    int skips = skipped.values().stream().mapToInt(Integer::intValue).sum();
    StringBuilder text = new StringBuilder();
    text.append("\nFrameworks on the class path: ").append(present.isEmpty() ? "none" : present);
    text.append("\n").append(passed).append(" tests passed, ").append(failed).append(" failed, ");
    text.append(skips).append(" skipped").append(skips == 0 ? "" : ":");
    skipped.forEach(
        (reason, count) ->
            text.append(
                String.format(Locale.ROOT, "%n%7d  %s", count, reason.replaceAll("\\s+", " "))));
    return text.append("\n").toString();
  }
}
