package org.optibridge.testing;

import static org.junit.jupiter.api.extension.ConditionEvaluationResult.disabled;
import static org.junit.jupiter.api.extension.ConditionEvaluationResult.enabled;
import static org.junit.platform.commons.support.AnnotationSupport.findAnnotation;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** What {@link RequiresTorch} and {@link RequiresTensorflow} do. */
final class FrameworkCondition implements ExecutionCondition {
  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    if (findAnnotation(context.getElement(), RequiresTorch.class).isPresent()
        && !Framework.TORCH.isPresent()) {
      return disabled(Framework.TORCH.reason());
    }
    if (findAnnotation(context.getElement(), RequiresTensorflow.class).isPresent()
        && !Framework.TENSORFLOW.isPresent()) {
      return disabled(Framework.TENSORFLOW.reason());
    }
    return enabled("what it needs is there");
  }
}
