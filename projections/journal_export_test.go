package projections

import "context"

// Watched folds what is after from, up to to, of one project of a log with a journal, and returns what
// each event has changed, and what all of them have.
func Watched(ctx context.Context, log DashLog, q DiffQuery) (byEvent map[uint64][]RowChange, all *Diff, err error) {
	fold := &dashFold{dash: NewDash(), only: q.Project}
	if err := fold.to(ctx, log, q.From); err != nil {
		return nil, nil, err
	}
	byEvent = map[uint64][]RowChange{}
	events := watch(fold.dash.building(q.Project), q.filter())
	fold.after = func(seq uint64) {
		for _, c := range events.changes() {
			byEvent[seq] = append(byEvent[seq], c.shown())
		}
	}
	if err := fold.to(ctx, log, q.To); err != nil {
		return nil, nil, err
	}
	events.stop()

	fold = &dashFold{dash: NewDash(), only: q.Project}
	if err := fold.to(ctx, log, q.From); err != nil {
		return nil, nil, err
	}
	d := newDiffer(fold, q.filter(), func() {})
	err = fold.to(ctx, log, q.To)
	return byEvent, d.diff(), err
}

// Differing is what the events after from, up to to, have changed, for the time that it takes.
func Differing(ctx context.Context, log DashLog, q DiffQuery, begin func()) (*Diff, error) {
	fold := &dashFold{dash: NewDash(), only: q.Project}
	if err := fold.to(ctx, log, q.From); err != nil {
		return nil, err
	}
	begin()
	d := newDiffer(fold, q.filter(), func() {})
	err := fold.to(ctx, log, q.To)
	return d.diff(), err
}

// Shown is a row as readers see it.
type Shown struct {
	Kind, ID           string
	JSON, Secret       string
	User, Organization string
}

// AllShown are the rows of a project by kind and id.
func AllShown(t *Tables) map[[2]string]Shown {
	all := map[[2]string]Shown{}
	for _, kind := range Kinds() {
		for e := range t.entities(kind) {
			all[[2]string{kind, e.id}] = Shown{kind, e.id, string(e.json()), e.secret, e.user, e.organization}
		}
	}
	return all
}
