// FerretDB on SQLite as a server for tests, with data that survive a kill.
//
// "ferretdb PORT DIR" listens on 127.0.0.1 (port 0 selects a free one) and keeps its data in the folder DIR. It
// prints the port on one line when clients can connect, and ends at the end of its standard input, so it does not
// outlive the process that started it. ../src/ferretdb/program.rs builds it with a patch of FerretDB.
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
