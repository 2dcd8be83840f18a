package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.testing.Golden;
import org.optibridge.testing.NoLeaks;
import org.optibridge.vector.Vector;

/**
 * Each recorded misuse of declearn's modules, vectors and optimizer, done here. Where declearn
 * raises, we throw the documented type with the name of what is wrong; the table says so, and where
 * we decided otherwise.
 */
@ExtendWith(NoLeaks.class)
class GoldenErrorsTest {
  /**
   * What is done, and what comes of it.
   *
   * @param name of the recorded case
   * @param raises what is thrown; null if it is accepted, or can't be done here
   * @param message parts of the message
   * @param act does it
   */
  record Decision(
      String name,
      @Nullable Class<? extends Throwable> raises,
      List<String> message,
      ThrowingCallable act) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Decision refused(String name, ThrowingCallable act, String... message) {
    return new Decision("errors/" + name, IllegalArgumentException.class, List.of(message), act);
  }

  private static Decision accepted(String name, ThrowingCallable act) {
    return new Decision("errors/" + name, null, List.of(), act);
  }

  private static Decision impossible(String name, String reason) {
    return new Decision("errors/" + name, null, List.of(), () -> assumeTrue(false, reason));
  }

  static List<Decision> table() {
    return List.of(
        accepted(
            "core-momentum-beta-int", () -> Misuse.module("momentum", Map.of("beta", 0)).close()),
        refused(
            "core-momentum-beta-range",
            () -> Misuse.module("momentum", Map.of("beta", 1.0)),
            "momentum",
            "'beta'",
            "below 1",
            "1.0"),
        refused(
            "core-from-specs-unknown-name",
            () -> Misuse.module("nope", Map.of()),
            "'nope'",
            "momentum"),
        refused(
            "core-from-specs-unknown-argument",
            () -> Misuse.module("adam", Map.of("bogus", 1)),
            "adam",
            "'bogus'",
            "beta_1"),
        // The state of a momentum that never ran is empty: to restore it is to reset.
        accepted("core-set-state-momentum-missing", () -> Misuse.restore("momentum", new State())),
        refused("core-set-state-adam-missing-vmax", Misuse::adamWithoutMaximum, "'adam'", "vmax"),
        refused(
            "core-set-state-stateless",
            () -> Misuse.restore("l2-clipping", new State().put("x", 1)),
            "'l2-clipping'",
            "[x]"),
        refused(
            "core-aux-on-plain-module",
            () -> Misuse.process("momentum", Misuse.scaffold("state")),
            "'momentum'",
            "'scaffold'"),
        refused(
            "core-scaffold-client-wrong-type",
            () -> Misuse.process("scaffold-client", Misuse.otherAux()),
            "'scaffold-client'",
            "other variables"),
        refused(
            "core-scaffold-client-without-state",
            () -> Misuse.process("scaffold-client", Misuse.scaffold("delta")),
            "'scaffold-client'",
            "'state'",
            "delta"),
        accepted("core-scaffold-client-collect-before-run", Misuse::collectBeforeRun),
        refused(
            "core-scaffold-aux-empty",
            () -> Registry.auxVar("scaffold", new State()),
            "scaffold",
            "'state'",
            "'delta'"),
        refused(
            "vector-add-other-names",
            () -> Misuse.add(Misuse.vector("a", "b"), Misuse.vector("a", "c")),
            "'b'"),
        refused(
            "vector-add-fewer-names",
            () -> Misuse.add(Misuse.vector("a", "b"), Misuse.vector("a")),
            "'b'"),
        impossible("vector-add-other-framework", "a vector is of no framework"),
        impossible("vector-add-string", "adding a text does not compile"),
        refused("vector-build-empty", () -> Vector.builder().build(), "tensor"),
        accepted("optimizer-lrate-int", () -> Optimizer.fromConfig(Map.of("lrate", 1)).close()),
        refused(
            "optimizer-module-bad-type",
            () -> Optimizer.fromConfig(Map.of("lrate", 0.1, "modules", List.of(3))),
            "'modules'",
            "3"),
        refused(
            "optimizer-from-config-unknown",
            () -> Optimizer.fromConfig(Map.of("lrate", 0.1, "bogus", 1)),
            "'bogus'",
            "lrate"),
        refused(
            "optimizer-set-state-missing-field",
            () -> Misuse.restoreOptimizer(state -> Misuse.copy(state, "lrate", null)),
            "'lrate'"),
        refused(
            "optimizer-set-state-module-count",
            () ->
                Misuse.restoreOptimizer(
                    state -> Misuse.copy(state, "modules", Misuse.modules("0:momentum"))),
            "modules",
            "[0:momentum]",
            "1:adam"),
        refused(
            "optimizer-set-state-module-name",
            () ->
                Misuse.restoreOptimizer(
                    state -> Misuse.copy(state, "modules", Misuse.modules("0:momentum", "1:yogi"))),
            "1:yogi",
            "1:adam"),
        refused(
            "optimizer-set-state-reverted",
            () ->
                Misuse.restoreOptimizer(
                    state -> Misuse.copy(state, "modules", Misuse.modules("0:momentum", "1:adam"))),
            "steps"),
        refused("optimizer-aux-unknown-name", Misuse::auxWithoutTaker, "'scaffold'"));
  }

  @Test
  void everyRecordedCaseIsDecided() {
    assertThat(table().stream().map(Decision::name).toList())
        .containsExactlyElementsOf(
            Golden.cases("errors.json").stream().map(Golden.Case::toString).toList());
  }

  @ParameterizedTest
  @MethodSource("table")
  void misuseIsRefusedByName(Decision decision) throws Throwable {
    boolean scaffold = decision.name().contains("scaffold") || decision.name().contains("aux");
    assumeTrue(
        !scaffold || Registry.modules().contains("scaffold-client"), "no module for scaffold yet");
    if (decision.raises() == null) {
      decision.act().call();
      return;
    }
    Throwable thrown = catchThrowable(decision.act());
    assertThat(thrown).isInstanceOf(decision.raises());
    assertThat(thrown.getMessage()).contains(decision.message());
  }

  /** Where declearn accepts and we refuse, or the other way round; all others agree. */
  @Test
  void decisionsThatDifferFromDeclearnAreThese() {
    Map<String, Golden.Case> recorded =
        Golden.cases("errors.json").stream()
            .collect(Collectors.toMap(Golden.Case::toString, one -> one));
    List<String> different =
        table().stream()
            .filter(
                one -> recorded.get(one.name()).get("raises").isNull() != (one.raises() == null))
            .map(Decision::name)
            .toList();
    assertThat(different)
        .containsExactly(
            "errors/core-momentum-beta-int",
            "errors/core-set-state-momentum-missing",
            "errors/vector-add-other-framework",
            "errors/vector-add-string",
            "errors/optimizer-lrate-int",
            // recorded as "nothing raised by the case": the inner exception is KeyError there too
            "errors/optimizer-set-state-reverted");
  }
}
