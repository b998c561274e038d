// FerretDB (SQLite) as a server of its own, for tests: a second, independent server, whose data survive it.
//
// "ferretdb PORT DIR" listens on 127.0.0.1 (0: on a free port), keeps its data in the folder DIR, prints the port
// on one line once clients can connect, and ends with its standard input. So it never outlives the process that
// holds the other end, however that one ends.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/url"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: ferretdb PORT DIR")
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:" + os.Args[1]},
		Handler:   "sqlite",
		SQLiteURL: "file:" + os.Args[2] + "/",
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	go server.Run(context.Background())
	uri, err := url.Parse(server.MongoDBURI())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(uri.Port())
	io.Copy(io.Discard, os.Stdin)
}
