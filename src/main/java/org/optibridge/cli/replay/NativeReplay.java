package org.optibridge.cli.replay;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.torch.TorchOptiModule;
import org.optibridge.torch.TorchOptimizers;
import org.optibridge.vector.Vector;

/** Levels {@code native} and {@code state}: a framework's optimizer steps weights in place. */
final class NativeReplay implements AutoCloseable {
  private final Comparison check;
  private final List<String> names;
  private TorchRun run;

  private NativeReplay(Field one, Comparison check) {
    this.check = check;
    this.names = Tensor.names(one);
    String module = Frameworks.module(one.get("framework"));
    if (!module.equals(TorchOptiModule.NAME)) {
      throw one.get("framework").wrong("must be \"torch\" at this level");
    }
    String cls = one.get("optimizer").get("class").text();
    TorchOptimizers.get(cls); // says at once whether it is known
    if (one.has("mode") && !one.get("mode").isText("params")) {
      throw one.get("mode").wrong("must be \"params\" or \"closure\"");
    }
    List<TorchRun.Group> groups = groups(one);
    Vector params = Tensor.vector(one.get("params0"), names);
    this.run = new TorchRun(cls, kwargs(one.get("optimizer")), groups, params);
  }

  private List<TorchRun.Group> groups(Field one) {
    List<TorchRun.Group> groups = new ArrayList<>();
    Set<String> rest = new LinkedHashSet<>(names);
    for (Field group : one.optionalList("groups")) {
      List<String> members = group.get("names").texts();
      if (members.isEmpty() || !rest.containsAll(members)) {
        throw group.get("names").wrong("must be names of the case, each in one group");
      }
      members.forEach(rest::remove);
      groups.add(new TorchRun.Group(members, kwargs(group)));
    }
    if (one.has("groups") && !rest.isEmpty()) {
      throw one.get("groups").wrong("must have all names; they lack " + rest);
    }
    return groups;
  }

  private static Map<String, Object> kwargs(Field of) {
    return of.has("kwargs") ? of.get("kwargs").map() : Map.of();
  }

  /** Level {@code native}: weights after each step, each going on with its own. */
  static void steps(Field one, Comparison check) {
    if (one.get("framework").isText("tensorflow")) {
      KerasReplay.steps(one, check);
      return;
    }
    if (one.has("mode") && one.get("mode").isText("closure")) {
      Frameworks.module(one.get("framework"));
      ClosureReplay.run(one, check);
      return;
    }
    try (NativeReplay replay = new NativeReplay(one, check)) {
      replay.steps(one, "steps", "step ");
    }
  }

  /**
   * Level {@code state}: up to the saved state, which is compared, and on from there: with the
   * state arrived at in a fresh optimizer, and in others with the recorded {@code state_dict} and,
   * if there is one, the recorded file.
   */
  static void state(Field one, Comparison check) {
    try (NativeReplay replay = new NativeReplay(one, check)) {
      replay.steps(one, "steps_before", "step before ");
      replay.params("params_at_k", one.get("params_at_k"));
      Map<String, Field> saved =
          new StateCheck(check, replay.names).byKey(one.get("state_dict").get("state"));
      replay.run.checkState("state_dict", new StateCheck(check, replay.names), saved);
      TorchRun restored = replay.run.restored(RecordedState.of(one.get("params_at_k"), saved));
      TorchRun fromFile = null;
      try {
        fromFile = fromFile(one, check, replay.run);
        replay.run.restart();
        replay.steps(one, "steps", "step ");
        replay.goOn(restored);
        replay.steps(one, "steps", "with the recorded state_dict, step ");
        if (fromFile != null) {
          replay.goOn(fromFile);
          replay.steps(one, "steps", "with the recorded file, step ");
        }
      } finally {
        restored.close();
        if (fromFile != null) {
          fromFile.close();
        }
      }
    }
  }

  private static @Nullable TorchRun fromFile(Field one, Comparison check, TorchRun run) {
    if (!one.has("safetensors")) {
      return null;
    }
    Field file = one.get("safetensors").get("file");
    Path path = file.file();
    if (path == null) {
      check.note("not continued from " + file.text() + ": the file is not there");
      return null;
    }
    return run.restored(RecordedState.read(file, path));
  }

  /** Goes on with another run instead of the present one, which is closed. */
  private void goOn(TorchRun other) {
    run.close();
    run = other;
  }

  private void steps(Field one, String key, String prefix) {
    int number = 0;
    for (Field step : one.get(key).list()) {
      number++;
      for (Field event : step.optionalList("before")) {
        if (event.isText("state_roundtrip")) {
          run.restart();
        } else {
          run.set(event.get("set").map());
        }
      }
      Field gradients = step.get("gradients");
      if (!names.containsAll(gradients.entries().keySet())) {
        throw gradients.wrong("must have no names but " + names);
      }
      run.step(gradients);
      params(prefix + number + ", params", step.get("params"));
      if (step.has("eval_params")) {
        Field expected = step.get("eval_params");
        Tensor.requireNames(expected, names);
        String place = prefix + number + ", eval_params";
        run.checkEval(place, check, expected);
      }
    }
  }

  private void params(String place, Field expected) {
    Tensor.requireNames(expected, names);
    check.part(place, run.params(), expected);
  }

  @Override
  public void close() {
    run.close();
  }
}
