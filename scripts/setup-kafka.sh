#!/usr/bin/env bash
# The broker (Apache Kafka, of Maven Central, run by Java) that the functional tests of Kafka start, and Kafka Streams, which
# a small program of theirs is compiled against. The jars go below $TEST_SERVERS, by default ~/.cache/limier/servers. Nothing is
# started and nothing else on the host changes, but for Maven's own cache. Does nothing where they are already.
set -euo pipefail
version=4.3.1
servers=${TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/limier/servers}

fail() {
  echo "Cannot set up kafka: $1" >&2
  exit 1
}

if [ "$(cat "$servers/kafka/version" 2>/dev/null)" = "$version" ] && [ -f "$servers/kafka/libs/kafka-streams-$version.jar" ]; then
  exit 0
fi
for tool in java javac mvn; do command -v "$tool" >/dev/null || fail "there is no $tool; install a JDK of at least 17 and maven"; done

mkdir -p "$servers"
draft=$(mktemp -d "$servers/.kafka.XXXXXX")
trap 'rm -rf "$draft"' EXIT
# The broker and its command line tools, and Kafka Streams. Kafka Connect, which the tools drag in, is left out, and so is
# RocksDB (70 MB): the program of the tests keeps no state.
cat >"$draft/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>limier.test</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$version</version>
      <exclusions>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>$version</version>
      <exclusions>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId></exclusion>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-json</artifactId></exclusion>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>connect-api</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-streams</artifactId>
      <version>$version</version>
      <exclusions>
        <exclusion><groupId>org.rocksdb</groupId><artifactId>rocksdbjni</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
POM
if ! (cd "$draft" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=libs -DincludeScope=runtime) >"$draft/log" 2>&1; then
  fail "Maven Central can't be reached, or lacks a package. mvn said:
$(grep -E 'ERROR' "$draft/log" | head -n 5 | cut -c 1-400)"
fi
for jar in "kafka_2.13-$version.jar" "kafka-streams-$version.jar"; do
  [ -f "$draft/libs/$jar" ] || fail "Maven gave no $jar"
done
# An empty log with the users that the tests log in as, so that each broker need only copy it.
cat >"$draft/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$draft/formatted
PROPERTIES
tool() { CLASSPATH="$draft/libs/*" java kafka.tools.StorageTool "$@" 2>>"$draft/log"; }
if ! tool format -t "$(tool random-uuid)" -c "$draft/server.properties" \
  --add-scram 'SCRAM-SHA-256=[name=alice,password=alice-secret]' \
  --add-scram 'SCRAM-SHA-512=[name=alice,password=alice-secret]' >>"$draft/log"; then
  fail "the broker can't be run, it takes Java 17 or newer. It said:
$(tail -n 5 "$draft/log")"
fi
echo "$version" >"$draft/version"
chmod 755 "$draft"
rm -rf "$servers/kafka" "$draft/log" "$draft/pom.xml" "$draft/server.properties"
mv "$draft" "$servers/kafka"
trap - EXIT
