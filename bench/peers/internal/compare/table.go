package compare

import (
	"fmt"
	"slices"
	"strings"
)

// Replace returns the document with text between the markers of a section: "<!-- name -->" and "<!-- end of name -->",
// each on a line of its own.
func Replace(document, name, text string) (string, error) {
	begin, end := "<!-- "+name+" -->", "<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(document, begin+"\n")
	_, after, also := strings.Cut(rest, end)
	if !ok || !also || strings.Contains(after, begin) {
		return "", fmt.Errorf("the document has not one %s line followed by one with %s", begin, end)
	}
	return before + begin + "\n" + strings.TrimSpace(text) + "\n" + end + after, nil
}

// Table is a record in Markdown. limits says of a row, by its ID, what limits it; file is where the record is kept.
func Table(r *Record, limits map[string]string, file string) string {
	var b strings.Builder
	what := "Medians"
	if r.Quick {
		what = "**A quick run, which only shows that everything works: no figure of it means anything.** Medians"
	}
	fmt.Fprintf(&b, "%s of %d rounds (lowest–highest), %s for each scenario, %s events in the log where reads are measured; %s, commit %s%s. All runs, settings and versions are in [%s](%s).\n\n",
		what, r.Rounds, r.Duration, grouped(float64(r.Events), 0), r.Begun.UTC().Format("2 January 2006"), r.Commit, modified(r.Modified), file, file)
	if !r.Valid {
		fmt.Fprintf(&b, "**Not valid**: %s.\n\n", strings.Join(shortened(r.NotValid, 8), "; "))
	}
	b.WriteString("| | dashd | peer | ratio | floor | aim | reached | what limits it |\n|---|---:|---:|---:|---:|---:|---|---|\n")
	for _, c := range r.Rows {
		ratio, theirs := "", ""
		if c.Peer != nil {
			ratio, theirs = c.Ratio.text("x"), c.Peer.text(" "+c.Unit)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", c.About, c.Ours.text(" "+c.Unit), theirs, ratio, c.asked(c.Floor), c.asked(c.Aim), c.reached(), limits[c.ID])
	}
	b.WriteString("\nPeers: ")
	for i, name := range sortedNames(r.Peers) {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s, client %s", name, r.Peers[name].Version, r.Peers[name].Client)
	}
	b.WriteString(".\n")
	return b.String()
}

func sortedNames[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func modified(m bool) string {
	if m {
		return " with changes"
	}
	return ""
}

// shortened are the first n of a list, with how many more there are.
func shortened(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), fmt.Sprintf("%d more", len(list)-n))
}

// asked is a floor or an aim.
func (c *Compared) asked(v float64) string {
	switch {
	case v == 0:
		return ""
	case c.Peer == nil:
		return "<= " + figure(v) + " " + c.Unit
	}
	return figure(v) + "x"
}

func (c *Compared) reached() string {
	switch {
	case c.Ours.Rounds == nil || c.Peer != nil && c.Ratio.Rounds == nil:
		return "not measured"
	case c.Verdict == "below":
		return "**below its floor**"
	}
	return c.Verdict
}

// text is the median with the extremes behind it.
func (s *Spread) text(unit string) string {
	switch len(s.Rounds) {
	case 0:
		return "–"
	case 1:
		return figure(s.Median) + unit
	}
	return fmt.Sprintf("%s%s (%s–%s)", figure(s.Median), unit, figure(s.Min), figure(s.Max))
}

// figure is a number with three digits that count, or all before its point.
func figure(v float64) string {
	switch {
	case v >= 100:
		return grouped(v, 0)
	case v >= 10:
		return grouped(v, 1)
	}
	return grouped(v, 2)
}

// grouped is a number with commas between its thousands, and no zeros at the end of a fraction.
func grouped(v float64, digits int) string {
	whole, fraction, _ := strings.Cut(fmt.Sprintf("%.*f", digits, v), ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	return whole
}

// ParseLimits reads lines of the form "id: text". Empty ones and those that begin with # do not count.
func ParseLimits(text string) (map[string]string, error) {
	limits := map[string]string{}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		id, about, ok := strings.Cut(line, ":")
		known := slices.ContainsFunc(Rows(), func(r Row) bool { return r.ID == id })
		if !ok || !known || strings.Contains(about, "|") {
			return nil, fmt.Errorf("line %d is not the id of a row, a colon and a text without |: %s", n+1, line)
		}
		limits[id] = strings.TrimSpace(about)
	}
	return limits, nil
}
