package org.optibridge.cli.replay;

import java.util.List;
import java.util.Map;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.Scheduler;
import org.optibridge.optimizer.State;

/** Level {@code scheduler}: the rates of a scheduler by itself. */
final class SchedulerReplay {
  private static final String AFTER_ROUND = "state_after_round_";

  private final Field one;
  private final Comparison check;
  private final String name;
  private final Map<String, Object> config;
  private final Events<Scheduler> events =
      new Events<>(Scheduler::startRound, Scheduler::reset, this::moved);

  private SchedulerReplay(Field one, Comparison check) {
    this.one = one;
    this.check = check;
    this.name = one.get("scheduler").text();
    this.config = Configs.stage(one, name);
  }

  static void run(Field one, Comparison check) {
    new SchedulerReplay(one, check).run();
  }

  private void run() {
    Scheduler scheduler = Registry.scheduler(name, config);
    int round = 0;
    int number = 0;
    for (Field call : one.get("calls").list()) {
      number++;
      if (call.isText("round")) {
        stateAfter(round, scheduler);
        round++;
        scheduler.startRound();
      } else if (call.isNumber()) {
        String place = "call " + number + " (round " + round + "), rate";
        check.number(place, scheduler.nextRate(), call.number());
      } else if (call.isText()) {
        scheduler = events.apply(call, scheduler);
      } else {
        throw call.wrong("must be \"round\" or a rate");
      }
    }
    stateAfter(round, scheduler);
    if (one.has("state")) {
      state("the last state", scheduler, one.get("state"));
    }
  }

  private Scheduler moved(Scheduler scheduler) {
    Scheduler fresh = Registry.scheduler(name, config);
    try (State state = scheduler.getState()) {
      fresh.setState(state);
    }
    return fresh;
  }

  private void stateAfter(int round, Scheduler scheduler) {
    if (one.has(AFTER_ROUND + round)) {
      state("the state after round " + round, scheduler, one.get(AFTER_ROUND + round));
    }
  }

  private void state(String place, Scheduler scheduler, Field expected) {
    try (State state = scheduler.getState()) {
      new StateCheck(check, List.of()).stage(place, name, state, expected);
    }
  }
}
