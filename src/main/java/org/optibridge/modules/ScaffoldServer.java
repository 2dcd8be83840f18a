package org.optibridge.modules;

import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaStage;
import org.optibridge.optimizer.OptiModule;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Vector;

/**
 * The server's side of SCAFFOLD: keeps the sum of all clients' control variates and sends their
 * mean. Gradients pass unchanged. With {@code s}, 0 at first, and the set of ids {@code K}, empty
 * at first,
 *
 * <pre>
 * collect: sends state = s / |K|, or 0 while K is empty
 * process: s += delta; K grows by the delta's clients
 * </pre>
 *
 * <p>A client that takes no part in a round keeps its share in the mean; one that was not known
 * before joins it.
 *
 * <p>The state has {@code s_state}, once there is one, and {@code clients}, a list with the keys
 * {@code "0"}, {@code "1"}, ….
 *
 * <p>Source: Karimireddy et al., <i>SCAFFOLD: Stochastic Controlled Averaging for Federated
 * Learning</i>, 2019.
 */
public final class ScaffoldServer extends FormulaStage implements OptiModule {
  /** The registered name. */
  public static final String NAME = "scaffold-server";

  private static final String CLIENTS = "clients";

  private final StateVector sum = vector("s_state");
  private SortedSet<String> clients = new TreeSet<>();

  /** Knows no client yet. */
  public ScaffoldServer() {
    super(NAME);
  }

  static ScaffoldServer from(ConfigReader config) {
    return new ScaffoldServer();
  }

  /** Returns the ids of all clients known so far, sorted; a copy. */
  public SortedSet<String> clients() {
    return new TreeSet<>(clients);
  }

  @Override
  public Vector run(Vector gradients, @Nullable Vector params) {
    return gradients;
  }

  @Override
  public String auxName() {
    return ScaffoldAuxVar.NAME;
  }

  /**
   * {@inheritDoc}
   *
   * @return the mean of the clients' control variates
   */
  @Override
  public ScaffoldAuxVar collectAuxVar() {
    boolean none = clients.isEmpty() || !sum.isSet();
    return ScaffoldAuxVar.ofState(none ? null : sum.get().dividedBy(clients.size()).materialize());
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if it is not clients' {@link ScaffoldAuxVar}, or of other
   *     names, shapes or dtypes than those before; nothing is changed then
   */
  @Override
  public void processAuxVar(AuxVar aux) {
    if (!(aux instanceof ScaffoldAuxVar message) || message.isState()) {
      throw new IllegalArgumentException(
          "'" + NAME + "' takes the 'delta' of clients, but was given " + aux);
    }
    Vector delta = message.value();
    if (delta != null) {
      enter(delta.spec(), "the delta of " + message.clients());
      Vector total = sum.get();
      total.assign(total.plus(delta));
    }
    clients.addAll(message.clients());
  }

  @Override
  public void reset() {
    super.reset();
    clients = new TreeSet<>();
  }

  @Override
  public State getState() {
    return super.getState().put(CLIENTS, ClientIds.write(clients));
  }

  @Override
  public void setState(State state) {
    SortedSet<String> next = new TreeSet<>(ClientIds.read(NAME, state.state(CLIENTS)));
    setState(state, Set.of(CLIENTS));
    clients = next;
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of();
  }
}
