package org.optibridge.torch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.TensorFilter;

/** Builds a {@link TorchOptiModule} with options of its own and of groups of tensors. */
public final class TorchOptiModuleBuilder {
  private final TorchSource source;
  private final Map<String, Object> kwargs = new LinkedHashMap<>();
  private final List<TorchOptions.Group> groups = new ArrayList<>();

  TorchOptiModuleBuilder(TorchSource source) {
    this.source = source;
  }

  /**
   * @param name an option as Python names it
   * @param value a number, a boolean, a text, or a list of numbers
   * @return this
   */
  public TorchOptiModuleBuilder option(String name, Object value) {
    kwargs.put(name, value);
    return this;
  }

  /**
   * @param options added to those that are given already
   * @return this
   */
  public TorchOptiModuleBuilder options(Map<String, Object> options) {
    kwargs.putAll(options);
    return this;
  }

  /**
   * Adds a group of tensors. A tensor belongs to the first group whose filter accepts it, else to
   * the module itself.
   *
   * @param filter which tensors
   * @param overrides options that they have in place of the module's; {@code lr} is what the
   *     pipeline's learning rate is multiplied by
   * @return this
   */
  public TorchOptiModuleBuilder group(TensorFilter filter, Map<String, Object> overrides) {
    groups.add(new TorchOptions.Group(filter, new LinkedHashMap<>(overrides)));
    return this;
  }

  /**
   * Leaves tensors of fewer than two dimensions without weight decay: biases, the parameters of
   * norms, scalars. The same as a group of {@link TensorFilter#vectorsOnly()} with a {@code
   * weight_decay} of 0.
   *
   * @return this
   */
  public TorchOptiModuleBuilder decayMatricesOnly() {
    return group(TensorFilter.vectorsOnly(), Map.of("weight_decay", 0.0));
  }

  /**
   * @return the module, to be closed by the caller
   * @throws IllegalArgumentException if an option is unknown, ill-typed or out of range
   */
  public TorchOptiModule build() {
    return new TorchOptiModule(TorchOptions.of(source, kwargs, groups));
  }
}
