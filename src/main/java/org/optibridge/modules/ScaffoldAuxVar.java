package org.optibridge.modules;

import java.util.HashSet;
import java.util.Set;
import java.util.SortedSet;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/**
 * What SCAFFOLD's modules exchange. From the server to its clients: {@code state}, the mean of the
 * clients' control variates. From clients to the server: {@code delta}, by how much control
 * variates changed, with the ids of the clients that it is about.
 *
 * <p>Deltas add up and ids form a set. An id may occur on both sides of a sum: successive deltas of
 * one client add up to its whole change. States don't add up.
 *
 * <p>As a state: {@code {"state": vector}} or {@code {"delta": vector, "clients": {"0": id, …}}},
 * with the number 0 in place of a vector that is zero and has no shape yet.
 */
public final class ScaffoldAuxVar implements AuxVar {
  /** The name of the kind. */
  public static final String NAME = "scaffold";

  private static final String STATE = "state";
  private static final String DELTA = "delta";
  private static final String CLIENTS = "clients";

  private final boolean fromServer;
  private final @Nullable Vector value;
  private final SortedSet<String> clients;

  private ScaffoldAuxVar(boolean fromServer, @Nullable Vector value, SortedSet<String> clients) {
    if (value != null && !value.isStored()) {
      throw new IllegalArgumentException(
          NAME + ": the vector is an expression; call materialize() first");
    }
    this.fromServer = fromServer;
    this.value = value;
    this.clients = clients;
  }

  /**
   * @param state the mean of the clients' control variates, stored, owned by the result from now
   *     on; null for zero
   * @return what a server says
   */
  public static ScaffoldAuxVar ofState(@Nullable Vector state) {
    return new ScaffoldAuxVar(true, state, ClientIds.of(NAME, Set.of()));
  }

  /**
   * @param delta the change of the clients' control variates, stored, owned by the result from now
   *     on; null for zero
   * @param clients whose they are
   * @return what clients say
   * @throws IllegalArgumentException if there is no client or an id is blank
   */
  public static ScaffoldAuxVar ofDelta(@Nullable Vector delta, Set<String> clients) {
    if (clients.isEmpty()) {
      throw new IllegalArgumentException(NAME + ": a delta needs the ids of its clients");
    }
    return new ScaffoldAuxVar(false, delta, ClientIds.of(NAME, clients));
  }

  /**
   * The registered reader.
   *
   * @param state from {@link #toState()}, not kept
   * @throws IllegalArgumentException if it does not hold exactly one of state and delta
   */
  static ScaffoldAuxVar from(State state) {
    boolean fromServer = state.has(STATE);
    Set<String> needed = fromServer ? Set.of(STATE) : Set.of(DELTA, CLIENTS);
    if (!state.keys().equals(needed)) {
      throw new IllegalArgumentException(
          NAME
              + ": auxiliary variables hold either 'state', or 'delta' and 'clients', not "
              + state.keys());
    }
    SortedSet<String> clients =
        fromServer ? ClientIds.of(NAME, Set.of()) : ClientIds.read(NAME, state.state(CLIENTS));
    if (!fromServer && clients.isEmpty()) {
      throw new IllegalArgumentException(NAME + ": a delta needs the ids of its clients");
    }
    return new ScaffoldAuxVar(fromServer, copy(state, fromServer ? STATE : DELTA), clients);
  }

  private static @Nullable Vector copy(State state, String key) {
    if (state.value(key) instanceof Double number) {
      if (number != 0) {
        throw new IllegalArgumentException(
            NAME + ": '" + key + "' must be a vector or the number 0, not " + number);
      }
      return null;
    }
    return state.vector(key).materialize();
  }

  @Override
  public String name() {
    return NAME;
  }

  /** Returns whether this is a server's state rather than clients' delta. */
  public boolean isState() {
    return fromServer;
  }

  /** Returns the state or delta, still owned by this; null for zero. */
  public @Nullable Vector value() {
    return value;
  }

  /** Returns the ids of the clients that a delta is about, sorted; none for a state. */
  public Set<String> clients() {
    return clients;
  }

  @Override
  public ScaffoldAuxVar aggregate(AuxVar other) {
    if (!(other instanceof ScaffoldAuxVar that) || fromServer || that.fromServer) {
      throw new IllegalArgumentException(
          "Only deltas of clients add up, not " + this + " and " + other);
    }
    Vector mine = value;
    Vector theirs = that.value;
    if (mine != null && theirs != null) {
      mine.spec().requireSame(theirs.spec(), "the delta of " + clients, "that of " + that.clients);
    }
    Set<String> all = new HashSet<>(clients);
    all.addAll(that.clients);
    Vector sum = mine == null ? theirs : theirs == null ? mine : mine.plus(theirs);
    return ofDelta(sum == null ? null : sum.materialize(), all);
  }

  @Override
  public State toState() {
    State state = new State();
    try {
      put(state, fromServer ? STATE : DELTA);
      return fromServer ? state : state.put(CLIENTS, ClientIds.write(clients));
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  private void put(State state, String key) {
    if (value == null) {
      state.put(key, 0);
    } else {
      state.put(key, value.materialize());
    }
  }

  private void requireDelta() {
    if (fromServer) {
      throw new UnsupportedOperationException(
          NAME + ": a server's state goes to every client and is not added up");
    }
  }

  /** {@inheritDoc} Here the delta; the ids of clients travel in clear. */
  @Override
  public State summands() {
    requireDelta();
    State sums = new State();
    put(sums, DELTA);
    return sums;
  }

  @Override
  public ScaffoldAuxVar withSummands(State sums) {
    requireDelta();
    if (sums.keys().isEmpty()) {
      return ofDelta(null, clients);
    }
    if (!sums.keys().equals(Set.of(DELTA))) {
      throw new IllegalArgumentException(
          NAME + ": the only summand is '" + DELTA + "', not " + sums.keys());
    }
    return ofDelta(copy(sums, DELTA), clients);
  }

  @Override
  public void close() {
    if (value != null) {
      value.close();
    }
  }

  @Override
  public String toString() {
    return fromServer ? NAME + " state" : NAME + " delta of " + clients;
  }
}
