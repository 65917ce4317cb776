import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/**
 * Reads a topic from its start as the only member of a Streams group, by the protocol of KIP-1071, and commits. It ends when it
 * has read so many records; with 1 when they don't come.
 *
 * <pre>java lag_streams_application.java --bootstrap-server ADDRESS GROUP TOPIC RECORDS STATE_DIRECTORY</pre>
 *
 * It keeps no state, so that RocksDB is not needed.
 */
final class StreamsApplication {
  private static final long PATIENCE_S = 180;

  public static void main(String[] args) throws InterruptedException {
    Properties properties = new Properties();
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[1]);
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2]);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, args[5]);
    properties.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, "streams");
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
    properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    properties.put("auto.offset.reset", "earliest");

    CountDownLatch left = new CountDownLatch(Integer.parseInt(args[4]));
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(args[3]).foreach((key, value) -> left.countDown());
    KafkaStreams streams = new KafkaStreams(builder.build(), properties);
    streams.start();
    boolean isDone = left.await(PATIENCE_S, TimeUnit.SECONDS);
    streams.close(); // commits what was read
    System.exit(isDone ? 0 : 1);
  }
}
