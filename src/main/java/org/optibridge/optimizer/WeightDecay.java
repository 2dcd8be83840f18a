package org.optibridge.optimizer;

/** What a weight decay of d takes off a weight w at a learning rate of r. */
public enum WeightDecay {
  /** d × w, as declearn has it. */
  ABSOLUTE("absolute"),
  /** r × d × w, as PyTorch's decoupled decay has it. */
  TIMES_RATE("times-rate");

  private final String text;

  WeightDecay(String text) {
    this.text = text;
  }

  static WeightDecay parse(String text) {
    for (WeightDecay meaning : values()) {
      if (meaning.text.equals(text)) {
        return meaning;
      }
    }
    throw new IllegalArgumentException(
        "'w_decay_mode' must be 'absolute' or 'times-rate', not '" + text + "'");
  }

  @Override
  public String toString() {
    return text;
  }
}
