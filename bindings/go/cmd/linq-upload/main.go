// Command linq-upload uploads files to Linq, several at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	linq "github.com/linq-team/liblinq/bindings/go"
)

const (
	allWell     = 0
	someFailed  = 1
	badUsage    = 2
	interrupted = 130
)

const usage = `usage: linq-upload [-j N] FILE...

Uploads every FILE to Linq. Prints a line for each as soon as it is there: the
attachment's id, its download URL and FILE, with tabs between.

  -j N       how many at once (4)
  --version  print the version of the library
  --help     print this

Where stderr is a terminal, each upload has a progress bar there. A FILE that
fails is reported on stderr, and the others go on. Ctrl-C ends all of them.

environment:
  LINQ_API_V3_API_KEY   the API key (required)
  LINQ_API_V3_BASE_URL  where the API is, if not at Linq
  https_proxy, no_proxy and their relatives are understood

exit codes:
    0  every FILE is uploaded
    1  some FILE failed
    2  the command line or the settings cannot be understood
  130  ended by Ctrl-C or SIGTERM
`

func main() { os.Exit(run(os.Args[1:])) }

func run(arguments []string) int {
	flags := flag.NewFlagSet("linq-upload", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	atOnce := flags.Int("j", 4, "")
	version := flags.Bool("version", false, "")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
		return allWell
	case err != nil:
		return wrong(err.Error())
	case *version:
		fmt.Println("linq-upload", linq.Version())
		return allWell
	case *atOnce < 1:
		return wrong("-j takes a number from 1 on")
	case flags.NArg() == 0:
		return wrong("no FILE was given")
	}

	client, err := linq.NewClient(linq.WithUserAgent("linq-upload-go"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "linq-upload:", err)
		return badUsage
	}
	defer client.Close()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once

	screen := newScreen(os.Stdout, os.Stderr)
	failures := uploadAll(ctx, client, flags.Args(), *atOnce, screen)
	screen.close()
	switch {
	case ctx.Err() != nil && failures > 0:
		return interrupted
	case failures > 0:
		return someFailed
	default:
		return allWell
	}
}

func wrong(message string) int {
	fmt.Fprintf(os.Stderr, "linq-upload: %s\n%s", message, usage)
	return badUsage
}
