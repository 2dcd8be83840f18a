package org.optibridge.modules;

import static java.util.Objects.requireNonNull;

import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.Vector;

/** Calls of SCAFFOLD's modules with one float64 tensor, "w". */
final class ScaffoldCalls {
  private ScaffoldCalls() {}

  static Vector vector(double... values) {
    return Vector.builder().copy("w", values, values.length).build();
  }

  static double[] run(ScaffoldClient client, double... gradient) {
    try (Vector gradients = vector(gradient)) {
      return client.run(gradients, null).toDoubles("w");
    }
  }

  static void tell(ScaffoldClient client, double @Nullable ... state) {
    try (ScaffoldAuxVar aux = ScaffoldAuxVar.ofState(state == null ? null : vector(state))) {
      client.processAuxVar(aux);
    }
  }

  static double[] delta(ScaffoldClient client) {
    try (ScaffoldAuxVar aux = requireNonNull(client.collectAuxVar())) {
      return requireNonNull(aux.value()).toDoubles("w");
    }
  }

  static void receive(ScaffoldServer server, Set<String> ids, @Nullable Double delta) {
    try (ScaffoldAuxVar aux = ScaffoldAuxVar.ofDelta(delta == null ? null : vector(delta), ids)) {
      server.processAuxVar(aux);
    }
  }

  static double mean(ScaffoldServer server) {
    try (ScaffoldAuxVar aux = server.collectAuxVar()) {
      return requireNonNull(aux.value()).toDoubles("w")[0];
    }
  }
}
