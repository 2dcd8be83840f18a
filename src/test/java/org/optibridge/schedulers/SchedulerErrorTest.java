package org.optibridge.schedulers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.optibridge.optimizer.CountingScheduler;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.State;
import org.optibridge.state.ConfigJson;

/** What is refused, and that the message says why. */
class SchedulerErrorTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "cosine-annealing | {'max_lr':1,'duration':5} | 'base' must be a number, not null",
        "cosine-annealing | {'base':-1,'max_lr':1,'duration':5} | 'base' must be a finite number, at"
            + " least 0, not -1.0",
        "cosine-annealing | {'base':0,'max_lr':-1,'duration':5} | 'max_lr' must be a finite",
        "cosine-annealing | {'base':0,'max_lr':1,'duration':0} | 'duration' must be a whole number"
            + " from 1 to 2^53, not 0",
        "cosine-annealing | {'base':0,'max_lr':1,'duration':2.5} | 'duration' must be a whole number",
        "cosine-annealing | {'base':0,'max_lr':1,'duration':2,'step_level':1} | 'step_level' must be"
            + " true or false, not 1",
        "cosine-annealing-warm-restarts | {'base':0,'max_lr':1,'period':-3} | 'period' must be",
        "cosine-annealing-warm-restarts | {'base':0,'max_lr':-1,'period':3} | 'max_lr' must be",
        "cosine-annealing-warm-restarts | {'base':0,'max_lr':1,'period':3,'t_mult':-1} | 't_mult' must",
        "cyclic-triangular | {'base':0,'max_lr':1,'stepsize':0} | 'stepsize' must be",
        "cyclic-triangular | {'base':0,'max_lr':-1,'stepsize':2} | 'max_lr' must be",
        "cyclic-triangular | {'base':0,'max_lr':1,'stepsize':2,'decay':0.5} | 'decay' must be true or",
        "cyclic-triangular | {'base':0,'max_lr':1,'stepsize':2,'step_level':true} | unknown entry",
        "cyclic-exp-range | {'base':0,'max_lr':1,'stepsize':2} | 'decay' must be a number",
        "cyclic-exp-range | {'base':0,'max_lr':1,'stepsize':2,'decay':-0.1} | 'decay' must be a finite",
        "cyclic-exp-range | {'base':0,'max_lr':-1,'stepsize':2,'decay':0.1} | 'max_lr' must be",
        "cyclic-exp-range | {'base':0,'max_lr':1,'stepsize':0,'decay':0.1} | 'stepsize' must be",
        "exponential-decay | {'base':0,'rate':-0.5} | 'rate' must be a finite number, at least 0",
        "exponential-decay | {'base':0,'rate':0.5,'decay':1} | unknown entry 'decay'",
        "inverse-scaling | {'base':0,'rate':-1} | 'rate' must be a finite number, at least 0",
        "linear-decay | {'base':0,'rate':-1} | 'rate' must be a finite number, at least 0",
        "polynomial-decay | {'base':0,'power':0,'limit':4} | 'power' must be a positive finite number",
        "polynomial-decay | {'base':0,'power':1,'limit':0} | 'limit' must be a whole number from 1",
        "piecewise-decay | {'base':0,'rate':1,'step_size':0} | 'step_size' must be a whole number",
        "piecewise-decay | {'base':0,'rate':-1,'step_size':1} | 'rate' must be a finite number",
        "warmup | {'base':0.1} | 'warmup' must be a number, not null",
        "warmup | {'base':0.1,'warmup':-1} | 'warmup' must be a whole number from 0 to 2^53, not -1",
        "warmup | {'base':-0.1,'warmup':1} | 'base' must be a finite number, at least 0, not -0.1",
        "warmup | {'warmup':1} | 'base' must be a number or [scheduler, config], not null",
        "warmup | {'base':['linear-decay'],'warmup':1} | 'base' must be a number or [scheduler",
        "warmup-rounds | {'base':0.1,'warmup':-1} | 'warmup' must be a whole number from 0 to 2^53",
        "warmup-rounds | {'base':['warmup',{'base':1,'warmup':2}],'warmup':1} | 'base' must not be a"
            + " warm-up itself, but is 'warmup'; make this one longer",
      })
  void badConfigsAreRefused(String name, String config, String message) {
    assertThatThrownBy(() -> Registry.scheduler(name, ConfigJson.read(config.replace('\'', '"'))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(name + ": ")
        .hasMessageContaining(message);
  }

  @Test
  void badNumbersAreRefusedByConstructors() {
    for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, -1}) {
      refused(() -> new ExponentialDecay(bad, 0.5), "exponential-decay: 'base' must be");
      refused(() -> new InverseScaling(0.1, bad), "inverse-scaling: 'rate' must be");
      refused(() -> new PolynomialDecay(0.1, bad, 3), "polynomial-decay: 'power' must be");
      refused(() -> new Warmup(bad, 3), "warmup: 'base' must be");
      refused(() -> new WarmupRounds(bad, 3), "warmup-rounds: 'base' must be");
    }
    refused(() -> new CosineAnnealing(0, 1, Long.MAX_VALUE), "from 1 to 2^53, not 92233720");
  }

  private static void refused(Runnable call, String message) {
    assertThatThrownBy(call::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }

  @Test
  void unknownSchedulersInAWarmupAreRefused() {
    Map<String, Object> config = Map.of("base", List.of("linear", Map.of()), "warmup", 3);
    refused(() -> Registry.scheduler("warmup", config), "No scheduler is registered as 'linear'");
  }

  private static final class Bare extends CountingScheduler {
    Bare() {
      super("bare");
    }

    @Override
    protected double rate(long steps, long rounds) {
      return 1;
    }

    @Override
    public Map<String, Object> getConfig() {
      return Map.of();
    }
  }

  @Test
  void aWarmupNeedsARateToRiseTo() {
    refused(() -> new Warmup(new Bare(), 3), "warmup: the config of 'bare' must have a number");
  }

  @Test
  void unfitStatesLeaveCountsAlone() {
    Scheduler warmup = new Warmup(0.8, 4);
    Scheduler rounds = new WarmupRounds(0.8, 4);
    for (Scheduler scheduler : List.of(warmup, rounds)) {
      for (int round = 0; round < 2; round++) {
        scheduler.startRound();
        scheduler.nextRate();
      }
    }
    try (State plain = new State().put("steps", 0).put("rounds", 0);
        State fraction = new State().put("steps", 0.5).put("rounds", 0);
        State broken = new State().put("rounds", 0).put("full_warmup_rounds", 0);
        State negative = new State().put("steps", 0).put("rounds", 0).put("warmup_steps", -1)) {
      refused(() -> warmup.setState(plain), "'full_warmup_rounds'");
      refused(() -> warmup.setState(broken), "'steps'");
      refused(() -> rounds.setState(plain), "'warmup_steps'");
      refused(() -> rounds.setState(negative), "'warmup_steps' of the state must be a count");
      refused(() -> new ExponentialDecay(0.1, 0.5).setState(fraction), "'steps' of the state");
    }
    try (State first = warmup.getState();
        State second = rounds.getState()) {
      assertThat(first).hasToString("State{steps=2.0, rounds=1.0, full_warmup_rounds=1.0}");
      assertThat(second).hasToString("State{steps=2.0, rounds=1.0, warmup_steps=2.0}");
    }
  }
}
