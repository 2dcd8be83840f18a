package org.optibridge.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.optibridge.vector.DType;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/** Numbers recorded from the Python originals, see src/test/resources/golden. */
public final class Golden {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Golden() {}

  /** One case; prints as its name. */
  public record Case(JsonNode json) {
    public JsonNode get(String field) {
      return json.path(field);
    }

    public List<String> names() {
      List<String> names = new ArrayList<>();
      json.get("names").forEach(name -> names.add(name.asText()));
      return names;
    }

    public boolean isDouble() {
      return json.get("dtype").asText().equals("float64");
    }

    /** The case's tolerance, at most 1e-5 relative in float32, 1e-12 in float64. */
    public double rtol() {
      double own = json.get("tolerance").get("rtol").asDouble();
      return Math.min(own, isDouble() ? 1e-12 : 1e-5);
    }

    public double atol() {
      return json.get("tolerance").get("atol").asDouble();
    }

    @Override
    public String toString() {
      return json.get("name").asText();
    }
  }

  public static List<Case> cases(String resource) {
    try (InputStream in = Golden.class.getResourceAsStream("/golden/" + resource)) {
      assertThat(in).as(resource).isNotNull();
      List<Case> cases = new ArrayList<>();
      JSON.readTree(in).get("cases").forEach(node -> cases.add(new Case(node)));
      assertThat(cases).isNotEmpty();
      return cases;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @SuppressWarnings("unchecked")
  public static Map<String, Object> map(JsonNode node) {
    return JSON.convertValue(node, Map.class);
  }

  public static Vector vector(JsonNode tensors, List<String> names) {
    VectorBuilder builder = Vector.builder();
    for (String name : names) {
      JsonNode tensor = tensors.get(name);
      double[] data = data(tensor);
      long[] shape = new long[tensor.get("shape").size()];
      for (int i = 0; i < shape.length; i++) {
        shape[i] = tensor.get("shape").get(i).asLong();
      }
      if (DType.of(tensor.get("dtype").asText()) == DType.FLOAT64) {
        builder.copy(name, data, shape);
      } else {
        float[] narrow = new float[data.length];
        for (int i = 0; i < narrow.length; i++) {
          narrow[i] = (float) data[i];
        }
        builder.copy(name, narrow, shape);
      }
    }
    return builder.build();
  }

  private static double[] data(JsonNode tensor) {
    JsonNode list = tensor.get("data");
    double[] data = new double[list.size()];
    for (int i = 0; i < data.length; i++) {
      JsonNode value = list.get(i);
      data[i] =
          switch (value.asText()) {
            case "nan" -> Double.NaN;
            case "inf" -> Double.POSITIVE_INFINITY;
            case "-inf" -> Double.NEGATIVE_INFINITY;
            default -> value.asDouble();
          };
    }
    return data;
  }

  /** Checks every element: |actual - expected| <= atol + rtol |expected|. */
  public static void check(
      String what, Vector actual, JsonNode expected, double rtol, double atol) {
    assertThat(actual.spec().size()).as(what).isEqualTo(expected.size());
    for (String name : actual.spec().names()) {
      JsonNode tensor = expected.get(name);
      assertThat(tensor).as(what + " " + name).isNotNull();
      assertThat(actual.spec().get(name).dtype().label()).isEqualTo(tensor.get("dtype").asText());
      double[] wanted = data(tensor);
      double[] got = actual.toDoubles(name);
      assertThat(got).as(what + " " + name).hasSameSizeAs(wanted);
      for (int i = 0; i < wanted.length; i++) {
        if (!near(got[i], wanted[i], rtol, atol)) {
          throw new AssertionError(
              what
                  + ": "
                  + name
                  + "["
                  + i
                  + "] is "
                  + got[i]
                  + ", expected "
                  + wanted[i]
                  + " within "
                  + atol
                  + " + "
                  + rtol
                  + " relative; off by "
                  + Math.abs(got[i] - wanted[i]));
        }
      }
    }
  }

  private static boolean near(double got, double wanted, double rtol, double atol) {
    if (Double.isNaN(wanted) || Double.isInfinite(wanted)) {
      return Double.compare(got, wanted) == 0;
    }
    return Math.abs(got - wanted) <= atol + rtol * Math.abs(wanted);
  }
}
