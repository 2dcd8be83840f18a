package org.optibridge.torch;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.trust.JsonEntries;
import org.optibridge.trust.ProgramDescription;

/** What an archive's {@code optibridge.json} says; everything in it is checked. */
final class ProgramMetadata {
  private static final Set<String> RESERVED =
      Set.of("param", "grad", "step", "lr", "fused", "self");
  private static final String SCALAR = "scalar";

  /**
   * A tensor that the program keeps.
   *
   * @param kind 0 like the parameter, 1 a float32 number
   */
  record StateTensor(String name, int kind, double initial) {}

  final String name;
  final boolean elementWise;
  final boolean inPlace;
  final boolean flat;
  final @Nullable String torch;
  final List<String> processor = new ArrayList<>();
  final List<String> options = new ArrayList<>();
  final List<Integer> optionKinds = new ArrayList<>();
  final List<StateTensor> states = new ArrayList<>();

  private final ImportedOptimizer.Builder builder;

  private ProgramMetadata(JsonEntries entries) {
    ProgramDescription common = ProgramDescription.take(entries, RESERVED, List.of("like", SCALAR));
    name = common.name();
    elementWise = common.elementWise();
    flat = common.flat();
    inPlace = entries.flag("in_place", false);
    torch = entries.text("torch");
    for (Object flag : entries.list("cpu_flags")) {
      if (!JsonEntries.isIdentifier(flag)) {
        throw new IllegalArgumentException("'cpu_flags' must be names");
      }
      processor.add(String.valueOf(flag));
    }
    entries.requireNoMore();
    builder =
        new ImportedOptimizer.Builder(
            "program:" + name, common.learningRate(), common.readsWeights());
    for (ProgramDescription.Option option : common.options()) {
      int kind =
          switch (option.type()) {
            case FLOAT -> ImportedOptimizer.NUMBER;
            case INT -> ImportedOptimizer.WHOLE;
            case BOOL -> ImportedOptimizer.FLAG;
          };
      builder.option(kind, option.byDefault(), option.bounds());
      options.add(option.name());
      optionKinds.add(kind);
    }
    for (ProgramDescription.StateTensor state : common.states()) {
      states.add(
          new StateTensor(state.name(), state.kind().equals(SCALAR) ? 1 : 0, state.initial()));
    }
  }

  /**
   * Reads the text of {@code optibridge.json}.
   *
   * @throws IllegalArgumentException that says what is wrong with it
   */
  static ProgramMetadata parse(String text) {
    return new ProgramMetadata(JsonEntries.parse(text, "optibridge.json"));
  }

  ImportedOptimizer optimizer(String className) {
    return builder.build(className);
  }
}
