package org.optibridge.modules;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.state.StateFormat;
import org.optibridge.testing.Golden;
import org.optibridge.vector.Vector;

/** Every recorded exchange of declearn's SCAFFOLD modules, by hand and as bytes. */
class ScaffoldGoldenTest {
  private final Map<String, Optimizer> clients = new LinkedHashMap<>();
  private final List<AutoCloseable> opened = new ArrayList<>();

  static List<Arguments> cases() {
    List<Arguments> all = new ArrayList<>();
    for (Golden.Case one : Golden.cases("scaffold.json")) {
      all.add(Arguments.of(one, false));
      all.add(Arguments.of(one, true));
    }
    return all;
  }

  private <T extends AutoCloseable> T open(T resource) {
    opened.add(resource);
    return resource;
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable resource : opened) {
      resource.close();
    }
  }

  @ParameterizedTest(name = "{0} asBytes={1}")
  @MethodSource("cases")
  void exchangeGivesTheRecordedNumbers(Golden.Case one, boolean asBytes) {
    one.get("clients")
        .propertyStream()
        .forEach(
            client -> {
              double rate = client.getValue().get("lrate").asDouble();
              clients.put(client.getKey(), client(client.getKey(), rate));
            });
    Optimizer server =
        open(Optimizer.builder().learningRate(1).module(new ScaffoldServer()).build());
    Map<String, AuxVar> fromServer = Map.of();
    AuxVar sum = null;
    int number = 0;
    for (JsonNode event : one.get("events")) {
      String what = "event " + number++ + " " + event.get("op").asText();
      Optimizer client = clients.get(event.path("client").asText());
      switch (event.get("op").asText()) {
        case "server.collect_aux_var" -> {
          fromServer = sent(server.collectAuxVar(), asBytes);
          checkAux(what, fromServer, event, one);
          sum = null;
        }
        case "client.process_aux_var" -> {
          requireNonNull(client).startRound();
          client.processAuxVar(fromServer);
        }
        case "client.compute_updates" -> compute(what, requireNonNull(client), event, one);
        case "client.collect_aux_var" -> {
          Map<String, AuxVar> aux = sent(requireNonNull(client).collectAuxVar(), asBytes);
          checkAux(what, aux, event, one);
          AuxVar next = requireNonNull(aux.get("scaffold"));
          sum = sum == null ? next : open(sum.aggregate(next));
        }
        case "server.process_aux_var" -> {
          Map<String, AuxVar> all = Map.of("scaffold", requireNonNull(sum));
          checkAux(what, all, event, one);
          server.processAuxVar(all);
          checkServer(what, server, event.get("server_state"), one);
        }
        default -> throw new AssertionError(what);
      }
    }
    checkClients(one);
  }

  private Optimizer client(String id, double rate) {
    return open(Optimizer.builder().learningRate(rate).module(new ScaffoldClient(id)).build());
  }

  private Map<String, AuxVar> sent(Map<String, AuxVar> aux, boolean asBytes) {
    aux.values().forEach(this::open);
    if (!asBytes) {
      return aux;
    }
    Map<String, AuxVar> received = StateFormat.readAux(StateFormat.writeAux(aux));
    received.values().forEach(this::open);
    return received;
  }

  private static void compute(String what, Optimizer client, JsonNode event, Golden.Case one) {
    try (Vector gradients = Golden.vector(event.get("gradients"), one.names());
        Vector weights = Vector.allocate(gradients.spec());
        Vector updates = client.computeUpdates(weights, gradients)) {
      Golden.check(what, updates, event.get("updates"), one.rtol(), one.atol());
    }
  }

  private static void checkAux(
      String what, Map<String, AuxVar> aux, JsonNode event, Golden.Case one) {
    JsonNode expected = event.get("aux").get("scaffold");
    assertThat(aux).as(what).containsOnlyKeys("scaffold");
    ScaffoldAuxVar actual = (ScaffoldAuxVar) requireNonNull(aux.get("scaffold"));
    assertThat(actual.isState()).as(what).isEqualTo(expected.has("state"));
    checkVector(what, actual.value(), expected.path(actual.isState() ? "state" : "delta"), one);
    assertThat(actual.clients()).as(what).isEqualTo(Set.copyOf(texts(expected.path("clients"))));
  }

  private static void checkVector(
      String what, @Nullable Vector actual, JsonNode expected, Golden.Case one) {
    if (expected.isNumber()) {
      assertThat(expected.asDouble()).isZero();
      assertThat(actual).as(what).isNull();
    } else {
      Golden.check(what, requireNonNull(actual), expected.get("coefs"), one.rtol(), one.atol());
    }
  }

  private static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  private static void checkServer(
      String what, Optimizer server, JsonNode expected, Golden.Case one) {
    try (State all = server.getState()) {
      State state = all.state("modules").state("0:scaffold-server");
      checkVector(what, state.vector("s_state"), expected.get("s_state"), one);
      List<String> known = new ArrayList<>();
      State list = state.state("clients");
      list.keys().forEach(key -> known.add(list.text(key)));
      assertThat(known).as(what).isEqualTo(texts(expected.get("clients")));
    }
  }

  private void checkClients(Golden.Case one) {
    assertThat(one.get("client_states").size()).isEqualTo(clients.size());
    clients.forEach(
        (id, client) -> {
          JsonNode expected = one.get("client_states").get(id).get("modules").get(0).get(1);
          try (State all = client.getState()) {
            State state = all.state("modules").state("0:scaffold-client");
            checkVector(id, state.vector("state"), expected.get("state"), one);
            checkVector(id, state.vector("sglob"), expected.get("sglob"), one);
            assertThat(state.text("uuid")).isEqualTo(expected.get("uuid").asText());
          }
        });
  }
}
