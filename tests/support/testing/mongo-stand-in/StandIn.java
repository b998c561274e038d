import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/**
 * A server in memory that tests talk to as if it were MongoDB, for machines that have none.
 *
 * <p>{@code java -cp 'lib/*' StandIn.java PORT} listens on 127.0.0.1 (0: on a free port), prints the port on
 * one line once clients can connect, and ends with its standard input. So it never outlives the process that
 * holds the other end, however that one ends.
 */
public class StandIn {
    /** What the server claims to be. The versions it knows itself are older than the Rust driver accepts. */
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
            // Threads of the server outlive `main`, after a failure too. Nothing needs saving.
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
