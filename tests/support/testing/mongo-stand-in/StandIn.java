import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/**
 * A server in memory that stands in for MongoDB on machines without it.
 *
 * <p>{@code java -cp 'lib/*' StandIn.java PORT} listens on 127.0.0.1 (port 0 selects a free one), prints the port on
 * one line when clients can connect, and ends at the end of its standard input. So it does not outlive the process
 * that started it.
 */
public class StandIn {
    /** The version that the server reports. Its own versions are too old for the Rust driver. */
    private static class ClaimedVersion implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        /** The wire version of MongoDB 5.0. */
        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    public static void main(String[] arguments) {
        int status = 1;
        try {
            System.out.println(listen(Integer.parseInt(arguments[0])));
            while (System.in.read() != -1) {}
            status = 0;
        } catch (Exception failure) {
            System.err.println(failure);
        } finally {
            // Threads of the server outlive `main`, also after a failure.
            Runtime.getRuntime().halt(status);
        }
    }

    private static int listen(int port) {
        var backend = new MemoryBackend();
        backend.version(new ClaimedVersion());
        var server = new MongoServer(backend);
        // Change streams read from the oplog.
        server.enableOplog();
        server.bind("127.0.0.1", port);
        return server.getLocalAddress().getPort();
    }
}
