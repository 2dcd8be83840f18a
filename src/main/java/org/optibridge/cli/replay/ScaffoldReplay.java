package org.optibridge.cli.replay;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.Optimizer;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/** Level {@code scaffold}: a server and its clients, which exchange auxiliary variables. */
final class ScaffoldReplay implements AutoCloseable {
  // Where a module with an identity of its own keeps it.
  private static final String ID = "uuid";
  // The server's key among the actors; no client can have it.
  private static final String SERVER = "";

  private final Field one;
  private final StateCheck states;
  private final Comparison check;
  private final List<String> names;
  private final Map<String, Map<String, Object>> configs = new LinkedHashMap<>();
  private final Map<String, Optimizer> actors = new LinkedHashMap<>();
  private Map<String, AuxVar> fromServer = Map.of();
  private Map<String, AuxVar> fromClients = new LinkedHashMap<>();

  private ScaffoldReplay(Field one, Comparison check) {
    this.one = one;
    this.check = check;
    this.names = Tensor.names(one);
    this.states = new StateCheck(check, names);
  }

  static void run(Field one, Comparison check) {
    try (ScaffoldReplay replay = new ScaffoldReplay(one, check)) {
      replay.run();
    }
  }

  private void run() {
    make(SERVER, one.get("server"));
    one.get("clients")
        .entries()
        .forEach(
            (id, config) -> {
              if (id.isBlank()) {
                throw one.get("clients").wrong("has a client without a name");
              }
              identify(make(id, config), id);
            });
    int number = 0;
    for (Field event : one.get("events").list()) {
      String op = event.get("op").text();
      String place = "event " + ++number + " (" + op + ")";
      String id = op.startsWith("client.") ? event.get("client").text() : SERVER;
      for (Field before : event.optionalList("before")) {
        Optimizer actor = actor(id, event);
        actors.put(id, events(id).apply(before, actor));
      }
      event(op, place, event, actor(id, event));
    }
    if (one.has("client_states")) {
      one.get("client_states")
          .entries()
          .forEach((id, state) -> lastState(id, actor(id, state), state));
    }
  }

  private Optimizer make(String id, Field config) {
    Map<String, Object> plain = Configs.withoutHiddenDecay(config.map());
    Frameworks.requireAll(plain.get("modules"));
    Optimizer made = Optimizer.fromConfig(plain);
    configs.put(id, plain);
    actors.put(id, made);
    return made;
  }

  private Events<Optimizer> events(String id) {
    Map<String, Object> config = configs.getOrDefault(id, Map.of());
    return new Events<>(
        Optimizer::startRound, Optimizer::reset, former -> OptimizerReplay.moved(former, config));
  }

  /** Gives the modules that have an identity the recorded one. */
  private static void identify(Optimizer client, String id) {
    try (State state = client.getState()) {
      State modules = state.state("modules");
      for (String key : modules.keys()) {
        if (modules.state(key).has(ID)) {
          modules.state(key).put(ID, id);
        }
      }
      client.setState(state);
    }
  }

  private Optimizer actor(String id, Field field) {
    Optimizer actor = actors.get(id);
    if (actor == null) {
      throw field.wrong("is about '" + id + "', which is none of 'clients'");
    }
    return actor;
  }

  private void event(String op, String place, Field event, Optimizer actor) {
    switch (op) {
      case "server.collect_aux_var" -> {
        close(fromServer);
        fromServer = actor.collectAuxVar();
        aux(place, fromServer, event);
      }
      case "client.process_aux_var" -> actor.processAuxVar(fromServer);
      case "client.compute_updates" -> computeUpdates(place, event, actor);
      case "client.collect_aux_var" -> {
        Map<String, AuxVar> sent = actor.collectAuxVar();
        try {
          aux(place, sent, event);
        } finally {
          sent.forEach(this::add);
        }
      }
      case "server.process_aux_var" -> {
        aux(place, fromClients, event);
        actor.processAuxVar(fromClients);
        close(fromClients);
        fromClients = new LinkedHashMap<>();
        serverState(place, event, actor);
      }
      default -> throw event.get("op").wrong("is no known operation: '" + op + "'");
    }
  }

  /** Adds what a client sent, which is closed or kept. */
  private void add(String name, AuxVar sent) {
    AuxVar former = fromClients.get(name);
    if (former == null) {
      fromClients.put(name, sent);
      return;
    }
    try (AuxVar first = former;
        AuxVar second = sent) {
      fromClients.remove(name);
      fromClients.put(name, first.aggregate(second));
    }
  }

  private void computeUpdates(String place, Field event, Optimizer actor) {
    try (Vector gradients = Tensor.vector(event.get("gradients"), names);
        Vector weights = Vector.allocate(gradients.spec());
        Vector updates = actor.computeUpdates(weights, gradients)) {
      check.vector(place + ", updates", updates, event.get("updates"));
    }
  }

  private void aux(String place, Map<String, AuxVar> actual, Field event) {
    if (!event.has("aux")) {
      return;
    }
    Map<String, Field> expected = event.get("aux").entries();
    check.same(place + ", aux", actual.keySet(), expected.keySet());
    actual.forEach(
        (name, aux) -> {
          Field recorded = expected.get(name);
          if (recorded == null) {
            return;
          }
          // 'aux' repeats the name; to a state it would be unknown.
          try (State state = aux.toState().put("aux", aux.name())) {
            states.stage(place + ", aux " + name, name, state, recorded);
          }
        });
  }

  private void serverState(String place, Field event, Optimizer actor) {
    if (!event.has("server_state")) {
      return;
    }
    try (State state = actor.getState()) {
      State modules = state.state("modules");
      if (modules.keys().size() != 1) {
        throw one.get("server").wrong("must have one module, since 'server_state' is of one");
      }
      String key = modules.keys().iterator().next();
      states.stage(place + ", server_state", key, modules.state(key), event.get("server_state"));
    }
  }

  private void lastState(String id, Optimizer client, Field expected) {
    try (State state = client.getState()) {
      states.pipeline(
          "the last state of " + id, state, expected, configs.getOrDefault(id, Map.of()));
    }
  }

  private static void close(Map<String, AuxVar> aux) {
    aux.values().forEach(AuxVar::close);
  }

  @Override
  public void close() {
    close(fromServer);
    close(fromClients);
    actors.values().forEach(Optimizer::close);
  }
}
