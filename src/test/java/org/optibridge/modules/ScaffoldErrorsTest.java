package org.optibridge.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.optibridge.modules.ScaffoldCalls.mean;
import static org.optibridge.modules.ScaffoldCalls.receive;
import static org.optibridge.modules.ScaffoldCalls.run;
import static org.optibridge.modules.ScaffoldCalls.tell;
import static org.optibridge.modules.ScaffoldCalls.vector;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.State;

/** Misuse of SCAFFOLD's modules changes nothing. */
class ScaffoldErrorsTest {
  @Test
  void statesThatDoNotFitLeaveTheFormerOne() {
    try (ScaffoldClient client = new ScaffoldClient("a");
        ScaffoldServer server = new ScaffoldServer();
        State none = new State();
        State noSum = new State().put("steps", 2).put("uuid", "b");
        State twice = new State().put("clients", new State().put("0", "a").put("1", "a"))) {
      tell(client, 1);
      run(client, 1);
      assertThatThrownBy(() -> client.setState(none)).hasMessageContaining("uuid");
      assertThatThrownBy(() -> client.setState(noSum)).hasMessageContaining("steps");
      assertThat(client.clientId()).isEqualTo("a");
      assertThat(run(client, 1)).containsExactly(2);
      receive(server, Set.of("a"), 1.0);
      assertThatThrownBy(() -> server.setState(none)).hasMessageContaining("clients");
      assertThatThrownBy(() -> server.setState(twice)).hasMessageContaining("'a' is listed twice");
      assertThat(mean(server)).isEqualTo(1);
    }
  }

  @Test
  void otherShapesAreRefusedBeforeAnythingChanges() {
    try (ScaffoldClient client = new ScaffoldClient("a");
        ScaffoldServer server = new ScaffoldServer()) {
      tell(client, 1, 2);
      assertThatThrownBy(() -> run(client, 1)).hasMessageContaining("'w' float64[1]");
      assertThatThrownBy(() -> tell(client, 1, 2, 3)).hasMessageContaining("the server's state");
      assertThat(run(client, 0, 0)).containsExactly(1, 2);
      receive(server, Set.of("a"), 1.0);
      try (ScaffoldAuxVar wrong = ScaffoldAuxVar.ofDelta(vector(1, 2), Set.of("evil"))) {
        assertThatThrownBy(() -> server.processAuxVar(wrong)).hasMessageContaining("[evil]");
      }
      assertThat(server.clients()).containsExactly("a");
      assertThat(mean(server)).isEqualTo(1);
    }
  }

  @Test
  void eachSideTakesOnlyWhatTheOtherSays() {
    try (ScaffoldClient client = new ScaffoldClient("a");
        ScaffoldServer server = new ScaffoldServer();
        ScaffoldAuxVar state = ScaffoldAuxVar.ofState(null);
        ScaffoldAuxVar delta = ScaffoldAuxVar.ofDelta(null, Set.of("a"))) {
      assertThatThrownBy(() -> client.processAuxVar(delta))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'state'");
      assertThatThrownBy(() -> server.processAuxVar(state))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'delta'");
      AuxVar other = new OtherAux();
      assertThatThrownBy(() -> client.processAuxVar(other)).hasMessageContaining("OtherAux");
      assertThatThrownBy(() -> server.processAuxVar(other)).hasMessageContaining("OtherAux");
      assertThatThrownBy(() -> delta.aggregate(other)).hasMessageContaining("OtherAux");
      assertThatThrownBy(other::summands).isInstanceOf(UnsupportedOperationException.class);
    }
  }

  private static final class OtherAux implements AuxVar {
    @Override
    public String name() {
      return "other";
    }

    @Override
    public AuxVar aggregate(AuxVar other) {
      return this;
    }

    @Override
    public State toState() {
      return new State();
    }

    @Override
    public void close() {}

    @Override
    public String toString() {
      return "OtherAux";
    }
  }
}
