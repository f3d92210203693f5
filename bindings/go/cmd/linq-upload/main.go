// Command linq-upload uploads files to Linq, several at a time: the same program as the one in C, in Go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	linq "github.com/linq-team/liblinq/bindings/go"
)

const (
	allWell     = 0
	badUsage    = 1
	someFailed  = 2
	notSetUp    = 3
	interrupted = 130
)

const help = `usage: linq-upload [OPTION...] FILE...

Uploads every FILE to Linq, several at a time. Prints a line for each, in order:
the attachment's id, its download URL and FILE, with tabs between. On a terminal
it prints name and id as soon as they are there.

  -j N              how many to upload at a time, 1 to 256 (4)
  --json            print JSON, an object a line: "event" is progress, retry,
                    uploaded or failed; the last two in the order of the FILEs
  --presign-only    reserve a place for FILE, but upload nothing; the URL is then the
                    one to upload to. It is a secret until it expires. With --json
                    "event" is reserved and has all that an upload needs (see
                    linq_presigned_parse)
  --type TYPE       the content type of every FILE, such as image/jpeg; else it is
                    found by the bytes and the name
  --allow-webp-svg  send WebP and SVG, about which Linq's documents disagree
  --quiet           show errors only: no progress, no summary
  --no-progress     no progress
  --verbose         upload one after another, and show what each request took
  --help            print this
  --version         print the version

Progress is drawn where stderr is a terminal. A FILE that fails is reported, and the
others are uploaded. Options may follow FILEs; behind -- there are FILEs only.

environment:
  LINQ_API_V3_API_KEY   the API key (required)
  LINQ_API_V3_BASE_URL  where the API is, if not at Linq
  NO_COLOR              if set, no colors
  https_proxy, no_proxy and their relatives are understood

exit codes:
    0  all is well
    1  the command line cannot be understood
    2  some FILE failed, or its line could not be printed
    3  nothing can work as it is set up: no key, or one that Linq does not accept
  130  ended by Ctrl-C or SIGTERM
`

// wishes are what the command line says.
type wishes struct {
	inFlight                                               int
	contentType                                            string
	json, presignOnly, webpSVG, quiet, noProgress, verbose bool
	help, version                                          bool
	files                                                  []string
}

func main() { os.Exit(run(os.Args[1:])) }

func run(words []string) int {
	w, problem := parse(words)
	switch {
	case problem != "":
		fmt.Fprintf(os.Stderr, "linq-upload: %s\nTry 'linq-upload --help'.\n", printable(problem))
		return badUsage
	case w.help:
		return printed(fmt.Print(help))
	case w.version:
		return printed(fmt.Printf("linq-upload, liblinq %s\n", linq.Version()))
	}
	options := []linq.ClientOption{linq.WithUserAgent("linq-upload-go")}
	if w.webpSVG {
		options = append(options, linq.WithWebPAndSVG())
	}
	report := newReport(w)
	if w.verbose {
		options = append(options, linq.WithAttempt(report.attempt))
	}
	client, err := linq.NewClient(options...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "linq-upload:", message(err))
		return notSetUp
	}
	defer client.Close()

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for _, number := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if !signal.Ignored(number) { // as under nohup
			var release context.CancelFunc
			ctx, release = signal.NotifyContext(ctx, number)
			context.AfterFunc(ctx, release) // a second Ctrl-C ends the program at once
		}
	}
	linq.SetLogger(report.logger())
	defer linq.SetLogger(nil)
	if w.presignOnly {
		return presignAll(ctx, client, report)
	}
	return uploadAll(ctx, client, report)
}

func printed(_ int, err error) int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "linq-upload: cannot write to stdout: %v\n", errors.Unwrap(err))
		return someFailed
	}
	return allWell
}

// parse reads options wherever they stand. problem: what cannot be understood.
func parse(words []string) (w wishes, problem string) {
	flags := map[string]*bool{
		"--presign-only": &w.presignOnly, "--json": &w.json, "--quiet": &w.quiet, "--no-progress": &w.noProgress,
		"--verbose": &w.verbose, "--allow-webp-svg": &w.webpSVG, "--help": &w.help, "--version": &w.version,
	}
	for i := 0; i < len(words); i++ {
		word := words[i]
		next := func() (value string, ok bool) {
			if i++; i < len(words) {
				return words[i], true
			}
			return "", false
		}
		switch {
		case flags[word] != nil:
			*flags[word] = true
		case !strings.HasPrefix(word, "-"):
			w.files = append(w.files, word)
		case word == "--":
			w.files = append(w.files, words[i+1:]...)
			i = len(words)
		case word == "-":
			return w, "standard input cannot be uploaded: Linq wants a file's name and size before its first byte; save it to a file"
		case strings.HasPrefix(word, "-j"):
			text := word[2:]
			if text == "" {
				text, _ = next()
			}
			if text == "" {
				return w, "-j takes a number from 1 to 256"
			}
			number, err := strconv.ParseUint(text, 10, 16)
			if err != nil || number < 1 || number > 256 {
				return w, "-j takes a number from 1 to 256, not " + text
			}
			w.inFlight = int(number)
		case word == "--type":
			var ok bool
			if w.contentType, ok = next(); !ok {
				return w, "--type takes a content type, such as image/jpeg"
			}
		default:
			return w, "no such option: " + word
		}
	}
	if w.verbose && w.inFlight != 0 {
		return w, "--verbose uploads one file after another, so it does not go with -j"
	}
	if w.inFlight == 0 {
		w.inFlight = 4
	}
	if w.verbose {
		w.inFlight = 1
	}
	if len(w.files) == 0 && !w.help && !w.version {
		return w, "no FILE was given"
	}
	return w, ""
}
