package org.optibridge.modules;

import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.ConfigReader;
import org.optibridge.optimizer.FormulaModule;
import org.optibridge.optimizer.State;
import org.optibridge.vector.Recording;
import org.optibridge.vector.Vector;

/**
 * The client's side of SCAFFOLD: takes the client's drift off every gradient. With the client's
 * control variate {@code c_i} and the server's {@code c}, both 0 at first,
 *
 * <pre>
 * run:     out = g - (c_i - c)
 * collect: c_i' = mean of all g since the last process; sends delta = c_i' - c_i; c_i = c_i'
 * process: c = what the server sent; the mean starts anew
 * </pre>
 *
 * <p>This is the paper's option II: the change of the weights over a round, divided by steps and
 * rate, is the mean of corrected gradients, to which the correction is added again.
 *
 * <p>The state has {@code state} ({@code c_i}), {@code sglob} ({@code c}) and {@code uuid}, as in
 * declearn, and beyond it the sum and count of a round under way, {@code grads} and {@code steps}.
 *
 * <p>The id tells the server how many clients there are. It is drawn at random unless given, goes
 * along with the state, not with the config, and outlives {@link #reset()}.
 *
 * <p>Source: Karimireddy et al., <i>SCAFFOLD: Stochastic Controlled Averaging for Federated
 * Learning</i>, 2019.
 */
public final class ScaffoldClient extends FormulaModule {
  /** The registered name. */
  public static final String NAME = "scaffold-client";

  private static final String ID = "uuid";

  private final StateVector own = vector("state");
  private final StateVector server = vector("sglob");
  private final StateVector sum = vector("grads");
  private final StateNumber steps = number("steps");
  private String clientId;

  /** With a random id. */
  public ScaffoldClient() {
    this(UUID.randomUUID().toString());
  }

  /**
   * @param clientId tells this client from all others of the same server; not blank
   * @throws IllegalArgumentException if it is blank
   */
  public ScaffoldClient(String clientId) {
    super(NAME);
    this.clientId = ClientIds.require(NAME, clientId);
  }

  static ScaffoldClient from(ConfigReader config) {
    return new ScaffoldClient();
  }

  /** Returns the id that the server knows this client by. */
  public String clientId() {
    return clientId;
  }

  @Override
  protected Vector compute(Vector gradients, @Nullable Vector params) {
    Vector total = sum.get();
    total.assign(steps.get() == 0 ? gradients : total.plus(gradients));
    steps.increment();
    if (!own.isSet() && !server.isSet()) {
      return gradients;
    }
    return gradients.minus(own.get().minus(server.get()));
  }

  @Override
  public String auxName() {
    return ScaffoldAuxVar.NAME;
  }

  /**
   * {@inheritDoc}
   *
   * @return the change of this client's control variate; null if there was no step since the
   *     server's last message
   */
  @Override
  public @Nullable ScaffoldAuxVar collectAuxVar() {
    if (steps.get() == 0) {
      return null;
    }
    Vector former = own.get();
    Vector delta = Vector.allocate(former.spec());
    try (Recording recording = Recording.begin()) {
      Vector mean = sum.get().dividedBy(steps.get());
      delta.assign(mean.minus(former));
      former.assign(mean);
      recording.commit();
    } catch (RuntimeException | Error e) {
      delta.close();
      throw e;
    }
    return ScaffoldAuxVar.ofDelta(delta, Set.of(clientId));
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if it is not a server's {@link ScaffoldAuxVar}, or of other
   *     names, shapes or dtypes than the gradients; nothing is changed then
   */
  @Override
  public void processAuxVar(AuxVar aux) {
    if (!(aux instanceof ScaffoldAuxVar message) || !message.isState()) {
      throw new IllegalArgumentException(
          "'" + NAME + "' takes the server's 'state', but was given " + aux);
    }
    Vector sent = message.value();
    if (sent != null) {
      enter(sent.spec(), "the server's state");
      server.get();
    }
    try (Recording recording = Recording.begin()) {
      if (sent != null) {
        server.get().assign(sent);
      } else if (server.isSet()) {
        server.get().fill(0);
      }
      steps.set(0);
      recording.commit();
    }
  }

  @Override
  public State getState() {
    return super.getState().put(ID, clientId);
  }

  @Override
  public void setState(State state) {
    String next = ClientIds.require(NAME, state.text(ID));
    SavedCount.require(NAME, state, "steps", "grads");
    setState(state, Set.of(ID));
    clientId = next;
  }

  @Override
  public Map<String, Object> getConfig() {
    return Map.of();
  }
}
