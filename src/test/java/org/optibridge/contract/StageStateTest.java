package org.optibridge.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.optibridge.contract.Tensors.Layout;
import org.optibridge.optimizer.BrokenStates;
import org.optibridge.optimizer.BrokenStates.Broken;
import org.optibridge.optimizer.State;
import org.optibridge.testing.NoLeaks;

/** States of every module and regularizer: saved, restored, refused, forgotten. */
@ExtendWith(NoLeaks.class)
class StageStateTest {
  private static final int STEPS = 6;

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void stateComesBackBitForBit(Example example) {
    for (Layout layout : Layout.values()) {
      try (Subject subject = new Subject(example)) {
        for (int step = 0; step < 3; step++) {
          try (Subject moved = subject.moved()) {
            assertThat(moved.state()).isEqualTo(subject.state());
          }
          subject.call(layout, step);
        }
        try (Subject moved = subject.moved()) {
          assertThat(moved.state()).isEqualTo(subject.state());
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void savedStateIsACopy(Example example) {
    try (Subject subject = new Subject(example);
        Subject other = new Subject(example)) {
      subject.calls(Layout.BOTH, 0, 2);
      Map<String, Object> saved = subject.state();
      try (State state = subject.stage.getState()) {
        other.stage.setState(state);
      } // closed: the restored one has memory of its own
      subject.calls(Layout.BOTH, 2, 4);
      assertThat(other.state()).isEqualTo(saved);
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void resumesAtEveryStepBitForBit(Example example) {
    for (Layout layout : Layout.values()) {
      String whole;
      Map<String, Object> last;
      try (Subject subject = new Subject(example)) {
        whole = subject.calls(layout, 0, STEPS);
        last = subject.anonymousState();
      }
      for (int stop = 0; stop <= STEPS; stop++) {
        try (Subject first = new Subject(example)) {
          String head = first.calls(layout, 0, stop);
          try (Subject second = first.moved()) {
            assertThat(head + second.calls(layout, stop, STEPS))
                .as("%s stopped at %d", layout, stop)
                .isEqualTo(whole);
            assertThat(second.anonymousState()).isEqualTo(last);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#all")
  void badStateIsRefusedAndTheFormerOneKept(Example example) {
    for (Layout layout : Layout.values()) {
      try (Subject subject = new Subject(example);
          Subject fresh = new Subject(example)) {
        subject.calls(layout, 0, 4);
        Map<String, Object> before = subject.state();
        try (State good = subject.stage.getState();
            State empty = fresh.stage.getState()) {
          List<Broken> all = BrokenStates.of(good, empty);
          all.add(BrokenStates.withUnknownEntry(good));
          for (Broken broken : all) {
            try (State state = broken.state()) {
              assertThat(catchThrowable(() -> subject.stage.setState(state)))
                  .as(broken.defect())
                  .isInstanceOf(IllegalArgumentException.class);
              assertThat(subject.state()).as(broken.defect()).isEqualTo(before);
            }
          }
        }
        if (!example.random()) {
          try (Subject untroubled = new Subject(example)) {
            untroubled.calls(layout, 0, 4);
            assertThat(subject.calls(layout, 4, STEPS))
                .isEqualTo(untroubled.calls(layout, 4, STEPS));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void resetIsLikeNew(Example example) {
    for (Layout layout : Layout.values()) {
      try (Subject subject = new Subject(example)) {
        Map<String, Object> fresh = subject.anonymousState();
        String outputs = subject.calls(layout, 0, STEPS);
        Map<String, Object> last = subject.anonymousState();
        subject.stage.reset();
        assertThat(subject.anonymousState()).isEqualTo(fresh);
        assertThat(subject.calls(layout, 0, STEPS)).isEqualTo(outputs);
        assertThat(subject.anonymousState()).isEqualTo(last);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("org.optibridge.contract.Examples#repeatable")
  void otherTensorsAreFineAfterReset(Example example) {
    try (Subject subject = new Subject(example);
        Subject fresh = new Subject(example)) {
      subject.calls(Layout.FLOAT32, 0, 4);
      subject.stage.reset();
      assertThat(subject.calls(Layout.BOTH, 0, 4)).isEqualTo(fresh.calls(Layout.BOTH, 0, 4));
    }
  }
}
