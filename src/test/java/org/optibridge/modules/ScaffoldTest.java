package org.optibridge.modules;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.optibridge.modules.ScaffoldCalls.delta;
import static org.optibridge.modules.ScaffoldCalls.mean;
import static org.optibridge.modules.ScaffoldCalls.receive;
import static org.optibridge.modules.ScaffoldCalls.run;
import static org.optibridge.modules.ScaffoldCalls.tell;
import static org.optibridge.modules.ScaffoldCalls.vector;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.optibridge.memory.NativeMemory;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;
import org.optibridge.state.StateFormat;
import org.optibridge.vector.Vector;

/** What the recorded exchanges leave out: odd orders of calls, states in mid-round. */
class ScaffoldTest {
  @Test
  void registeredUnderDeclearnsNames() {
    Registry.module("scaffold-client", Map.of()).close();
    Registry.module("scaffold-server", Map.of()).close();
    assertThatThrownBy(() -> Registry.module("scaffold-client", Map.of("client_id", "a")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("client_id");
  }

  @Test
  void idsAreDrawnUnlessGiven() {
    try (ScaffoldClient a = new ScaffoldClient();
        ScaffoldClient b = new ScaffoldClient();
        ScaffoldClient c = new ScaffoldClient("hospital-3")) {
      assertThat(a.clientId()).isNotEqualTo(b.clientId());
      assertThat(c.clientId()).isEqualTo("hospital-3");
    }
    assertThatThrownBy(() -> new ScaffoldClient(" "))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("blank");
  }

  @Test
  void nothingToCollectBeforeTheFirstStepOfARound() {
    try (ScaffoldClient client = new ScaffoldClient("a")) {
      assertThat(client.collectAuxVar()).isNull();
      run(client, 1, 2);
      assertThat(delta(client)).containsExactly(1, 2);
      tell(client, 0.5, 0.5);
      assertThat(client.collectAuxVar()).isNull();
    }
  }

  @Test
  void lateClientCorrectsByTheServersStateAlone() {
    try (ScaffoldClient client = new ScaffoldClient("late")) {
      tell(client, 3, -1);
      assertThat(run(client, 10, 10)).containsExactly(13, 9);
      assertThat(run(client, 20, 30)).containsExactly(23, 29);
      // The mean is of the gradients before the correction.
      assertThat(delta(client)).containsExactly(15, 20);
      tell(client, 5, 5);
      assertThat(run(client, 0, 0)).containsExactly(-10, -15);
    }
  }

  @Test
  void deltasOfOneClientAddUpToItsWholeChange() {
    try (ScaffoldClient client = new ScaffoldClient("a");
        ScaffoldServer server = new ScaffoldServer()) {
      run(client, 2);
      try (ScaffoldAuxVar first = requireNonNull(client.collectAuxVar())) {
        run(client, 6);
        try (ScaffoldAuxVar second = requireNonNull(client.collectAuxVar());
            ScaffoldAuxVar both = first.aggregate(second)) {
          assertThat(both.clients()).containsExactly("a");
          server.processAuxVar(both);
        }
      }
      try (ScaffoldAuxVar state = server.collectAuxVar()) {
        assertThat(requireNonNull(state.value()).toDoubles("w")).containsExactly(4);
      }
    }
  }

  @Test
  void zeroFromTheServerTakesItsStateBack() {
    try (ScaffoldClient client = new ScaffoldClient("a")) {
      tell(client, 3);
      assertThat(run(client, 1)).containsExactly(4);
      tell(client, (double[]) null);
      assertThat(run(client, 1)).containsExactly(1);
    }
  }

  @Test
  void serverDividesByAllClientsEverKnown() {
    try (ScaffoldServer server = new ScaffoldServer()) {
      receive(server, Set.of("a", "b"), 6.0);
      assertThat(mean(server)).isEqualTo(3);
      receive(server, Set.of("c"), 3.0);
      assertThat(mean(server)).isEqualTo(3);
      receive(server, Set.of("a"), -9.0);
      assertThat(mean(server)).isZero();
      receive(server, Set.of("d"), null);
      assertThat(server.clients()).containsExactly("a", "b", "c", "d");
      server.reset();
      assertThat(server.clients()).isEmpty();
      try (ScaffoldAuxVar aux = server.collectAuxVar()) {
        assertThat(aux.value()).isNull();
      }
    }
  }

  @Test
  void statesMoveInTheMiddleOfARound() {
    try (ScaffoldClient client = new ScaffoldClient("a");
        ScaffoldClient moved = new ScaffoldClient("b")) {
      run(client, 1, 2);
      delta(client);
      tell(client, 0.25, 0.5);
      run(client, 4, 4);
      try (State state = client.getState();
          State read = StateFormat.read(StateFormat.write(state))) {
        moved.setState(read);
      }
      assertThat(moved.clientId()).isEqualTo("a");
      assertThat(run(moved, 6, 6)).containsExactly(run(client, 6, 6));
      assertThat(delta(moved)).containsExactly(4, 3).containsExactly(delta(client));
    }
  }

  @Test
  void serverStateMoves() {
    try (ScaffoldServer server = new ScaffoldServer();
        ScaffoldServer moved = new ScaffoldServer()) {
      try (State empty = server.getState()) {
        moved.setState(empty);
      }
      receive(server, Set.of("x", "y"), 5.0);
      try (State state = server.getState();
          State read = StateFormat.read(StateFormat.write(state))) {
        moved.setState(read);
      }
      assertThat(moved.clients()).containsExactly("x", "y");
      assertThat(mean(moved)).isEqualTo(2.5);
    }
  }

  @Test
  void aFailedStepIsNotCounted() {
    long before = NativeMemory.liveBytes();
    ScaffoldClient client = new ScaffoldClient("a");
    try (Optimizer optimizer =
            Optimizer.builder().learningRate(1).module(client).module(new FailsOnce()).build();
        Vector weights = vector(0);
        Vector gradients = vector(4);
        Vector others = vector(100)) {
      optimizer.step(weights, gradients);
      assertThatThrownBy(() -> optimizer.step(weights, others)).hasMessage("expected");
      optimizer.step(weights, gradients);
      assertThat(delta(client)[0]).isCloseTo(4, within(1e-15));
    }
    assertThat(NativeMemory.liveBytes()).isEqualTo(before);
  }

  private static final class FailsOnce implements OptiModule {
    private int calls;

    @Override
    public String name() {
      return "fails-once";
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }

    @Override
    public Vector run(Vector gradients, @Nullable Vector params) {
      if (++calls == 2) {
        throw new IllegalStateException("expected");
      }
      return gradients;
    }
  }
}
