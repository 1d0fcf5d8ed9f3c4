package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"
)

func newImport() *cobra.Command {
	c := &cobra.Command{
		Use: "import", Short: "Bring in events kept elsewhere",
		Example: "  dashd import studio events.ndjson",
	}
	c.AddCommand(newImportStudio())
	return c
}

// importAnswer is the answer of POST /ingest/studio.
type importAnswer struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	Rejected   []struct {
		Index   int
		Code    string
		Message string
	} `json:"rejected"`
}

func newImportStudio() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:   "studio FILE",
		Short: "Import the rows of Better Auth Studio's events table",
		Long: `import studio reads rows of Better Auth Studio's events table, one JSON object a
line, from a file or from standard input (-). Rows are recognised by their id: an
import may be repeated, and may overlap with events that arrive at the same time.`,
		Example: `  psql -c "copy (select row_to_json(t) from auth_events t order by timestamp) to stdout" |
    dashd import studio -`,
		Args: cobra.ExactArgs(1),
		RunE: withClient(&t, func(c *cobra.Command, cl *client, args []string) error {
			in := c.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			return importStudio(c, cl, in, asJSON)
		}),
	}
	t.addFlags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

// A request carries at most this many rows, and about this many bytes, of an
// import.
const (
	importLines = 5_000
	importBytes = 4 << 20
)

// imported is the result of an import.
type imported struct {
	Imported int `json:"imported"`
	Known    int `json:"known"` // were in the log already
	Refused  int `json:"refused"`
}

// importStudio sends the rows in pieces and reports each row that was refused by
// its line.
func importStudio(c *cobra.Command, cl *client, in io.Reader, asJSON bool) error {
	var sum imported
	lines := bufio.NewReaderSize(in, 1<<20)
	done := 0
	for {
		piece, n, err := nextPiece(lines)
		if err != nil {
			return fmt.Errorf("read line %d: %w", done+1, err)
		}
		if n == 0 {
			break
		}
		answer, err := sendRows(c, cl, piece)
		if err != nil {
			return fmt.Errorf("lines %d to %d: %w; the %d before them are done: run the import again, it knows what it has",
				done+1, done+n, err, done)
		}
		for _, r := range answer.Rejected {
			fmt.Fprintf(c.ErrOrStderr(), "line %d: %s: %s\n", done+r.Index+1, printable(r.Code), printable(r.Message))
		}
		sum.Imported += answer.Accepted
		sum.Known += answer.Duplicates
		sum.Refused += len(answer.Rejected)
		done += n
	}
	if err := printImported(c.OutOrStdout(), sum, asJSON); err != nil {
		return err
	}
	if sum.Refused > 0 {
		return fmt.Errorf("%d rows were refused", sum.Refused)
	}
	return nil
}

func printImported(w io.Writer, sum imported, asJSON bool) error {
	if asJSON {
		return printJSON(w, sum)
	}
	_, err := fmt.Fprintf(w, "%d imported, %d known already, %d refused\n", sum.Imported, sum.Known, sum.Refused)
	return err
}

// nextPiece reads the lines of the next request and their number. Empty lines
// count, so that line numbers agree with the file's.
func nextPiece(lines *bufio.Reader) (piece []byte, n int, err error) {
	for n < importLines && len(piece) < importBytes {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			piece = append(piece, line...)
			n++
		}
		if errors.Is(err, io.EOF) {
			return piece, n, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return piece, n, nil
}

// sendRows sends one piece.
func sendRows(c *cobra.Command, cl *client, piece []byte) (a importAnswer, err error) {
	resp, err := cl.send(c.Context(), http.MethodPost, "/ingest/studio", url.Values{"origin": {"import"}},
		http.Header{"Content-Type": {"application/x-ndjson"}}, bytes.NewReader(piece))
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	// 422 says that no row was accepted, and why each was not.
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnprocessableEntity {
		return a, refusal(resp)
	}
	return a, json.NewDecoder(resp.Body).Decode(&a)
}
