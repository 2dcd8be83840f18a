package org.optibridge.cli.replay;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.optibridge.optimizer.State;
import org.optibridge.state.ConfigJson;
import org.optibridge.state.SafeTensors;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/**
 * What was recorded of Python's weights and {@code state_dict} at one time.
 *
 * @param weights by name
 * @param entries of the state, by the weight's name and their own
 */
record RecordedState(Map<String, Tensor> weights, Map<String, Map<String, Tensor>> entries) {
  private static final Pattern ENTRY = Pattern.compile("state\\.(\\d{1,6})\\.(.+)");
  private static final String PARAM = "param.";

  /** From the case itself. */
  static RecordedState of(Field weights, Map<String, Field> state) {
    RecordedState recorded = new RecordedState(new LinkedHashMap<>(), new LinkedHashMap<>());
    weights.entries().forEach((name, tensor) -> recorded.weights.put(name, Tensor.read(tensor)));
    state.forEach(
        (name, entries) ->
            entries
                .entries()
                .forEach(
                    (entry, tensor) -> {
                      if (!tensor.isNull()) { // set later
                        recorded.put(name, entry, Tensor.read(tensor));
                      }
                    }));
    return recorded;
  }

  private void put(String name, String entry, Tensor tensor) {
    entries.computeIfAbsent(name, key -> new LinkedHashMap<>()).put(entry, tensor);
  }

  /** From a safetensors file, with the names in its metadata. */
  static RecordedState read(Field field, Path path) {
    RecordedState recorded = new RecordedState(new LinkedHashMap<>(), new LinkedHashMap<>());
    try (SafeTensors file = SafeTensors.read(path)) {
      String info = file.metadata().getOrDefault("info", "{}");
      if (!(ConfigJson.read(info).get("names") instanceof List<?> names)) {
        throw field.wrong("names a file without 'info' about its 'names' in the metadata");
      }
      Vector all = file.vector();
      for (TensorSpec spec : all.spec().tensors()) {
        Tensor tensor = new Tensor(spec.shape(), spec.dtype(), all.toDoubles(spec.name()));
        Matcher entry = ENTRY.matcher(spec.name());
        if (spec.name().startsWith(PARAM)) {
          recorded.weights.put(spec.name().substring(PARAM.length()), tensor);
        } else if (entry.matches() && Integer.parseInt(entry.group(1)) < names.size()) {
          Object name = names.get(Integer.parseInt(entry.group(1)));
          recorded.put(String.valueOf(name), entry.group(2), tensor);
        } else {
          throw field.wrong(
              "names a file with the tensor '"
                  + spec.name()
                  + "', which is neither"
                  + " a weight nor an entry of the state");
        }
      }
      return recorded;
    } catch (IOException e) {
      throw new BadCaseException("'" + field + "' names a file that can't be read: " + e, e);
    }
  }

  /** The weights of these names, in that order; to be closed by the caller. */
  Vector params(List<String> names) {
    VectorBuilder builder = Vector.builder();
    for (String name : names) {
      Tensor weight = weights.get(name);
      if (weight == null) {
        throw new BadCaseException("the recorded weights lack '" + name + "'");
      }
      weight.addTo(builder, name);
    }
    return builder.build();
  }

  /** Replaces the entries in a module's state by the recorded ones of these weights. */
  void putInto(State module, List<String> names) {
    if (!module.has("state")) {
      return; // nothing is kept with these options
    }
    VectorBuilder builder = Vector.builder();
    List<String> added = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      int position = i;
      entries
          .getOrDefault(names.get(i), Map.of())
          .forEach(
              (entry, tensor) -> {
                added.add(entry);
                tensor.addTo(builder, position + "." + entry);
              });
    }
    if (added.isEmpty()) {
      throw new BadCaseException("the recorded state has no entries for " + names);
    }
    module.vector("state").close();
    module.put("state", builder.build());
  }
}
