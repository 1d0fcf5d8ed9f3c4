package projections

import (
	"errors"
	"fmt"
	"slices"

	"dashd/internal/cow"
	"dashd/internal/errs"
	"dashd/internal/kv"
)

// Difference is a row that is stored otherwise than the log says.
type Difference struct {
	Project string `json:"project"`
	Table   string `json:"table"`
	Row     int    `json:"row"`          // its ordinal; -1: the table as a whole
	ID      string `json:"id,omitempty"` // of what the row is about, if it has one
	// Field is the first that differs. Folded is what the log says and Stored what is there; of
	// what may be secret, only that it differs is said.
	Field  string `json:"field,omitempty"`
	Folded string `json:"folded"`
	Stored string `json:"stored"`
}

// String is the difference in a line.
func (d Difference) String() string {
	text := fmt.Sprintf("project %s, table %s", d.Project, d.Table)
	if d.Row >= 0 {
		text += fmt.Sprintf(", row %d", d.Row)
	}
	if d.ID != "" {
		text += fmt.Sprintf(" (%s)", d.ID)
	}
	if d.Field != "" {
		text += ", " + d.Field
	}
	return text + fmt.Sprintf(": the log says %s, stored is %s", d.Folded, d.Stored)
}

// Compared is the outcome of a comparison.
type Compared struct {
	Seq         uint64       `json:"seq"` // as of which
	Tables      int          `json:"tables"`
	Rows        uint64       `json:"rows"`
	Differ      uint64       `json:"differ"`      // how many rows do
	Differences []Difference `json:"differences"` // the first of them
}

// maxDifferences is how many are named.
const maxDifferences = 100

// comparison compares rows that are stored somewhere with those of an image, byte by byte.
type comparison struct {
	image *DashImage
	out   Compared

	seen  map[tableName]bool
	at    tableInfo
	table keptTable // of the image; nil: it has none like it
	end   int       // of the image's table
	next  int       // ordinal
	coder coder
}

func newComparison(image *DashImage) *comparison {
	return &comparison{
		image: image, seen: map[tableName]bool{},
		out: Compared{Seq: image.seq, Differences: []Difference{}},
	}
}

func (c *comparison) differs(d Difference) {
	if c.out.Differ++; len(c.out.Differences) < maxDifferences {
		d.Project, d.Table = c.at.Project, c.at.Table
		c.out.Differences = append(c.out.Differences, d)
	}
}

// begin begins a table. The one before must have had all its rows.
func (c *comparison) begin(t tableInfo) {
	c.finishTable()
	c.at, c.table, c.end, c.next = t, nil, 0, t.First
	c.out.Tables++
	name := tableName{t.Project, t.Table}
	if c.seen[name] {
		c.differs(Difference{Row: -1, Folded: "it once", Stored: "twice"})
		return
	}
	c.seen[name] = true
	kept := c.image.Tables(t.Project).kept()
	if i := slices.IndexFunc(kept, func(k keptTable) bool { return k.tableName() == t.Table }); i >= 0 {
		c.table = kept[i]
	}
	first := 0
	if c.table != nil {
		first, c.end = c.table.span()
	}
	if first != t.First || c.end != t.End {
		c.differs(Difference{
			Row: -1, Field: "rows", Folded: fmt.Sprintf("%d to %d", first, c.end), Stored: fmt.Sprintf("%d to %d", t.First, t.End),
		})
	}
}

// rows compares the next rows of the table, and returns their number.
func (c *comparison) rows(raw []byte) (n int, err error) {
	in := coder{reading: true, text: string(raw)}
	for in.left() > 0 {
		stored := in.readText()
		if in.err != nil || c.next >= c.at.End {
			return n, errRow
		}
		c.row(stored)
		c.next++
		n++
	}
	c.out.Rows += uint64(n)
	return n, nil
}

// row compares a row.
func (c *comparison) row(stored string) {
	if c.table == nil {
		return // the whole table is named
	}
	first, end := c.table.span()
	if c.next < first || c.next >= end {
		return // so are rows beyond its end
	}
	c.coder.b = c.coder.b[:0]
	c.table.write(&c.coder, c.next)
	if string(c.coder.b) != stored {
		c.differs(c.difference(string(c.coder.b), stored))
	}
}

// finishTable notes rows of the table that were not there.
func (c *comparison) finishTable() {
	if c.next < c.at.End {
		c.differs(Difference{Row: c.next, Folded: "a row", Stored: "none"})
	}
}

// finish notes tables that were not there, and returns the outcome.
func (c *comparison) finish() Compared {
	c.finishTable()
	for project, tables := range c.image.Projects() {
		for _, k := range tables.kept() {
			if _, end := k.span(); end > 0 && !c.seen[tableName{project, k.tableName()}] {
				c.at = tableInfo{Project: project, Table: k.tableName()}
				c.differs(Difference{Row: -1, Field: "rows", Folded: fmt.Sprint(end), Stored: "no table"})
			}
		}
	}
	return c.out
}

// difference says in which field a row differs.
func (c *comparison) difference(folded, stored string) Difference {
	d := Difference{Row: c.next, ID: c.image.Tables(c.at.Project).rowLabel(c.at.Table, c.next), Folded: "another row", Stored: "a malformed one"}
	a, ok := fieldsOf(c.at.Table, folded)
	b, good := fieldsOf(c.at.Table, stored)
	if !ok || !good {
		return d
	}
	for i := range max(len(a), len(b)) {
		x, y := fieldAt(a, i), fieldAt(b, i)
		if x == y {
			continue
		}
		d.Field, d.Folded, d.Stored = fieldName(c.at.Table, i), x.shown(c.at.Table), y.shown(c.at.Table)
		if d.Folded == d.Stored {
			d.Stored = "another value"
		}
		return d
	}
	return d
}

func fieldAt(fields []codedField, i int) codedField {
	if i < len(fields) {
		return fields[i]
	}
	return codedField{value: "nothing"}
}

// shown is a field as it may be shown: texts of tables with secrets may be secret.
func (f codedField) shown(table string) string {
	if f.text && secretTables[table] {
		return fmt.Sprintf("%d bytes", len(f.value))
	}
	if f.text {
		return fmt.Sprintf("%.200q", f.value)
	}
	return f.value
}

var secretTables = map[string]bool{
	"accounts": true, "second factors": true, "sso providers": true, "directories": true, "drains": true,
}

// fieldsOf takes a row apart. The tables it is read into are thrown away.
func fieldsOf(table, row string) (fields []codedField, ok bool) {
	for _, k := range new(Tables).kept() {
		if k.tableName() == table {
			c := coder{reading: true, text: row, trace: &fields}
			k.read(&c)
			return fields, c.err == nil && c.left() == 0
		}
	}
	return nil, false
}

// rowFields are the names of the fields of rows, in the order in which they are coded. The names
// of what is in a list follow the list's length, and come again for each of its elements.
var rowFields = map[string][]string{
	"user agents":        {"text"},
	"cities":             {"text"},
	"words":              {"text"},
	"users":              {"createdAt", "updatedAt", "flags", "role", "length of id", "length of email", "length of name", "text"},
	"activity":           {"lastActiveAt", "newest session", "newest account"},
	"accounts":           {"createdAt", "updatedAt", "user", "account before", "provider", "length of id", "length of subject", "text"},
	"sessions":           {"createdAt", "updatedAt", "expiresAt", "user", "session before", "user agent", "city", "country", "login method", "country code 1", "country code 2", "length of id", "length of address", "ended", "text"},
	"clock":              {"time"},
	"second factors":     {"userId", "pending", "sealed"},
	"organizations":      {"id", "name", "slug", "logo", "metadata", "createdAt"},
	"members":            {"id", "organizationId", "userId", "role", "createdAt"},
	"teams":              {"id", "name", "organizationId", "createdAt", "updatedAt"},
	"team members":       {"id", "teamId", "userId", "createdAt"},
	"invitations":        {"id", "organizationId", "email", "role", "teamId", "status", "expiresAt", "createdAt", "inviterId"},
	"sso providers":      {"providerId", "id", "organizationId", "domain", "issuer", "userId", "oidcConfig", "samlConfig", "domainVerified", "createdAt", "verification token", "verification expires", "domain misses", "domain missed at", "sealed"},
	"directories":        {"connectionId", "organizationId", "providerId", "provisioningDomainId", "status", "credentials"},
	"drains":             {"id", "organizationId", "name", "enabled", "suspended", "destinationType", "event types"},
	"drain positions":    {"drainId", "epoch", "seq", "at"},
	"event types":        {"text"},
	"active days":        {"kind and day", "users"},
	"instants":           {"user", "ms of the day"},
	"pages of instants":  {"day", "instants"},
	"bounds of instants": {"day"},
}

func fieldName(table string, i int) string {
	if names := rowFields[table]; i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("field %d", i+1)
}

// rowLabel is the id of what a row is about, "" if it has none.
func (t *Tables) rowLabel(table string, i int) string {
	switch table {
	case "users", "activity":
		if r := t.users.At(i); r != nil {
			return r.userID()
		}
	case "accounts":
		return t.accountEntity(uint32(i)).id
	case "sessions":
		if r := t.sessions.At(i); r != nil {
			return r.sessionID()
		}
	case "second factors":
		return rowIDAt(&t.factors.rows, i)
	case "organizations":
		return rowIDAt(&t.organizations.rows, i)
	case "members":
		return rowIDAt(&t.members.rows, i)
	case "teams":
		return rowIDAt(&t.teams.rows, i)
	case "team members":
		return rowIDAt(&t.teamMembers.rows, i)
	case "invitations":
		return rowIDAt(&t.invitations.rows, i)
	case "sso providers":
		return rowIDAt(&t.providers.rows, i)
	case "directories":
		return rowIDAt(&t.directories.rows, i)
	case "drains":
		return rowIDAt(&t.drains.rows, i)
	case "drain positions":
		return rowIDAt(&t.drainPositions.rows, i)
	}
	return ""
}

func rowIDAt[R any, P interface {
	*R
	row
}](rows *cow.Array[R], i int) string {
	if r := rows.At(i); r != nil {
		return P(r).rowID()
	}
	return ""
}

// StoredCheckpoint is a checkpoint in a database.
type StoredCheckpoint struct {
	Version    int    `json:"version"` // of the folds
	Generation uint64 `json:"generation"`
	Seq        uint64 `json:"seq"`
}

// Checkpoints are those in a database, oldest first. A checkpoint whose root cannot be read is an error of
// errs.ExitIntegrity; of another format, it is left out.
func Checkpoints(db *kv.DB) (list []StoredCheckpoint, err error) {
	all, err := (&checkpoints{db: db}).generations()
	if err != nil {
		return nil, fmt.Errorf("list the checkpoints: %w", err)
	}
	for _, g := range all {
		m, _, err := readRootOf(db, g)
		if errors.Is(err, errOtherFormat) {
			continue
		}
		if err != nil {
			return nil, damaged(g.number, err)
		}
		list = append(list, StoredCheckpoint{g.version, g.number, m.seq})
	}
	return list, nil
}

// damaged gives damage of a checkpoint the exit code of damage.
func damaged(number uint64, err error) error {
	var damage damageError
	err = fmt.Errorf("checkpoint %d: %w", number, err)
	if errors.As(err, &damage) || errors.Is(err, errRow) {
		return errs.Stop(errs.ExitIntegrity, err)
	}
	return err
}

// CompareCheckpoint compares the rows of a checkpoint with those of an image as of its seq.
func CompareCheckpoint(db *kv.DB, at StoredCheckpoint, image *DashImage) (Compared, error) {
	m, _, err := readManifest(db, generation{at.Version, at.Generation})
	if err != nil {
		return Compared{}, damaged(at.Generation, err)
	}
	if m.seq != image.seq {
		return Compared{}, fmt.Errorf("checkpoint %d is as of seq %d, not %d", at.Generation, m.seq, image.seq)
	}
	c := newComparison(image)
	var raw []byte
	for i := range m.tables {
		t := &m.tables[i]
		c.begin(tableInfo{t.project, t.name, t.first, t.end})
		for _, pieces := range t.nodes {
			for k := range pieces {
				if raw, err = readChunk(db, raw, at.Version, &pieces[k]); err == nil {
					_, err = c.rows(raw)
				}
				if err != nil {
					return c.out, damaged(at.Generation, err)
				}
			}
		}
	}
	return c.finish(), nil
}

// Compare compares the rows that a node sends with those of an image as of their seq.
func (in *ImageReader) Compare(image *DashImage) (Compared, error) {
	if in.Info.Seq != image.seq {
		return Compared{}, fmt.Errorf("the node sends rows as of seq %d, not %d", in.Info.Seq, image.seq)
	}
	c := newComparison(image)
	if err := in.compare(c); err != nil {
		return c.out, err
	}
	return c.finish(), nil
}
