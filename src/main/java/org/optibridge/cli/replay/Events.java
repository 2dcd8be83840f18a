package org.optibridge.cli.replay;

import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * What may happen to an object before a step.
 *
 * @param startRound a new round begins
 * @param reset all state is forgotten
 * @param moved the state goes into a fresh object, which is returned; closes the former
 * @param <T> the kind of object
 */
record Events<T>(Consumer<T> startRound, Consumer<T> reset, UnaryOperator<T> moved) {
  /** Applies one event; returns the object to go on with. */
  T apply(Field event, T object) {
    switch (event.text()) {
      case "start_round" -> startRound.accept(object);
      case "reset" -> reset.accept(object);
      case "state_roundtrip" -> {
        return moved.apply(object);
      }
      default -> throw event.wrong("must be start_round, reset or state_roundtrip");
    }
    return object;
  }
}
