package org.optibridge.cli.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.optibridge.vector.VectorSpec;

/** A step that several contestants do in turn, after it was made sure that they do the same. */
public final class TimedItem implements BenchItem {
  private static final Duration WARM_UP = Duration.ofMillis(400);

  private final String name;
  private final VectorSpec model;
  private final int rounds;
  // Made when they are asked for: they may need a framework.
  private final Supplier<List<Recipe>> recipes;
  private final Duration warmUp;

  TimedItem(String name, VectorSpec model, int rounds, Supplier<List<Recipe>> recipes) {
    this(name, model, rounds, recipes, WARM_UP);
  }

  /** With another time for each contestant to get going in before it is sampled. */
  TimedItem(
      String name, VectorSpec model, int rounds, Supplier<List<Recipe>> recipes, Duration warmUp) {
    this.name = name;
    this.warmUp = warmUp;
    this.model = model;
    this.rounds = rounds;
    this.recipes = recipes;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int rounds() {
    return rounds;
  }

  @Override
  public String title() {
    return String.format(
        Locale.ROOT,
        "%s: %,d float32 elements in %,d tensor%s, %s",
        name,
        model.numel(),
        model.size(),
        model.size() == 1 ? "" : "s",
        Threads.describe());
  }

  @Override
  public long bytesNeeded() {
    return recipes.get().stream().mapToLong(recipe -> recipe.bytes(model)).sum();
  }

  @Override
  public List<Timing> run(int samples) {
    List<Contestant> contestants = new ArrayList<>();
    List<Recipe> all = recipes.get();
    try {
      for (Recipe recipe : all) {
        contestants.add(new Contestant(recipe, model));
      }
      Agreement.check(name, contestants);
      double[][] times = Sampler.run(contestants, samples, warmUp);
      return timings(all, times, contestants.stream().map(Steadiness::of).toList());
    } finally {
      contestants.forEach(Contestant::close);
    }
  }

  private List<Timing> timings(List<Recipe> all, double[][] times, List<Steadiness> steadiness) {
    List<Timing> timings = new ArrayList<>();
    for (int i = 0; i < times.length; i++) {
      double median = Sampler.median(times[i]);
      Map<String, Double> ratios = new LinkedHashMap<>();
      for (int other = 0; other < times.length; other++) {
        if (other != i) {
          ratios.put(all.get(other).name(), median / Sampler.median(times[other]));
        }
      }
      timings.add(
          new Timing(
              name,
              all.get(i).name(),
              model.numel(),
              model.size(),
              Threads.count(),
              median,
              times[i][0],
              steadiness.get(i),
              ratios));
    }
    return timings;
  }
}
