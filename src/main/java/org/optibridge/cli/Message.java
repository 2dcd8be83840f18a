package org.optibridge.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.state.StateFormat;
import org.optibridge.vector.Vector;

/** What server and clients send one another, read from its bytes. */
final class Message implements AutoCloseable {
  private static final String TENSORS = "tensors";
  private static final String SAMPLES = "samples";
  private static final String AUX = "aux";

  private final State state;
  private final Map<String, AuxVar> aux = new LinkedHashMap<>();

  private Message(State state) {
    this.state = state;
  }

  /**
   * @param tensors global weights or a client's update
   * @param samples the number of images behind an update
   * @param aux auxiliary variables by name
   * @return bytes as they would go over a network
   */
  static byte[] write(Vector tensors, double samples, Map<String, AuxVar> aux) {
    try (State state = new State()) {
      state.put(TENSORS, tensors.materialize()).put(SAMPLES, samples);
      State inner = new State();
      state.put(AUX, inner);
      aux.forEach((name, value) -> inner.put(name, value.toState()));
      return StateFormat.write(state);
    }
  }

  static Message read(byte[] bytes) {
    Message message = new Message(StateFormat.read(bytes));
    try {
      State inner = message.state.state(AUX);
      for (String name : inner.keys()) {
        message.aux.put(name, Registry.auxVar(name, inner.state(name)));
      }
      return message;
    } catch (RuntimeException | Error e) {
      message.close();
      throw e;
    }
  }

  /** An equal value of its own, to be closed by the caller. */
  static AuxVar copy(String name, AuxVar aux) {
    try (State content = aux.toState()) {
      return Registry.auxVar(name, content);
    }
  }

  /** Valid until this is closed. */
  Vector tensors() {
    return state.vector(TENSORS);
  }

  double samples() {
    return state.number(SAMPLES);
  }

  /** Valid until this is closed. */
  Map<String, AuxVar> aux() {
    return aux;
  }

  @Override
  public void close() {
    aux.values().forEach(AuxVar::close);
    state.close();
  }
}
