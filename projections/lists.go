package projections

func (t *Tables) ListUsers(q Query) (Page[User], error)              { panic("skeleton") }
func (t *Tables) EachUser(q Query, fn func(User) error) error        { panic("skeleton") }
func (t *Tables) ListSessions(q SessionQuery) (Page[Session], error) { panic("skeleton") }
