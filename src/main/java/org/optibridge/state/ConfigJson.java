package org.optibridge.state;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Map;

/**
 * Configs as JSON. What is read may come from another machine: its length and depth are bounded,
 * and only plain data comes out, never an object of a class that the text names. Thread-safe.
 */
public final class ConfigJson {
  private static final int MAX_CHARACTERS = 1 << 20;
  private static final int MAX_DEPTH = 64;

  private static final ObjectMapper MAPPER = mapper();

  private ConfigJson() {}

  private static ObjectMapper mapper() {
    ObjectMapper mapper =
        JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    mapper
        .getFactory()
        .setStreamReadConstraints(
            StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build());
    return mapper;
  }

  /**
   * @param config plain data: numbers, texts, booleans, lists, maps
   * @return one line of JSON
   */
  public static String write(Map<String, Object> config) {
    try {
      return MAPPER.writeValueAsString(config);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("The config is not plain data", e);
    }
  }

  /**
   * @param json a JSON object
   * @return its entries in order
   * @throws IllegalArgumentException if it is no JSON object, too long or too deep
   */
  public static Map<String, Object> read(String json) {
    if (json.length() > MAX_CHARACTERS) {
      throw new IllegalArgumentException(
          "A config has at most " + MAX_CHARACTERS + " characters, not " + json.length());
    }
    try {
      Map<String, Object> config =
          MAPPER.readValue(json, new TypeReference<Map<String, Object>>() {});
      if (config == null) {
        throw new IllegalArgumentException("The config is null, not a JSON object");
      }
      return config;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "The config is no valid JSON object: " + e.getOriginalMessage(), e);
    }
  }
}
