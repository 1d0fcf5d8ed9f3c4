package projections_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/kv"
	"dashd/internal/node"
	"dashd/internal/outbound"
	"dashd/internal/seal"
	"dashd/projections"
)

// station is a real node with commands, in a directory that it is opened in again and
// again. Its clock stands until the test moves it.
type station struct {
	*testing.T
	dir      string
	node     *node.Node
	commands *commands.Commands
	now      atomic.Int64
	stop     func()
}

func newStation(t *testing.T) *station {
	s := &station{T: t, dir: t.TempDir()}
	s.now.Store(noon)
	s.open()
	if _, err := s.commands.Bootstrap(t.Context(), commands.Bootstrap{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// open starts the node, from a checkpoint if there is one.
func (s *station) open() {
	s.Helper()
	n, err := node.Open(s.Context(), node.Config{
		Dir: s.dir, Now: s.now.Load,
		Database: kv.Options{MinFree: 1}, Watermarks: node.Watermarks{Alarm: kv.Watermark{Bytes: 1}},
		Dash: projections.DashOptions{CheckpointAtStop: 1},
	})
	if err != nil {
		s.Fatal(err)
	}
	sealer, err := seal.Open(s.dir)
	if err != nil {
		s.Fatal(err)
	}
	access := projections.NewFollower(n.Store, n.Index)
	s.node = n
	s.commands = commands.New(commands.Options{
		Appender: n.Appender, Reports: n.Appender, Access: access, Dash: n.Dash, Log: n.Store, Sealer: sealer,
		Now: s.now.Load, Settle: n.Settle, Resolver: s,
	})
	stopAccess, stopNode := running(s.T, access.Run), running(s.T, n.Run)
	s.stop = func() { stopAccess(); stopNode() }
	if err := n.WaitReady(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func running(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

// LookupTXT is the domain name system. It knows the tokens of some domains.
func (s *station) LookupTXT(_ context.Context, name string) ([]string, error) {
	if strings.HasSuffix(name, "proven.example") {
		for _, project := range []string{"default", "shop"} {
			for _, p := range s.node.Dash.Image().Tables(project).AllSSOProviders() {
				if strings.HasPrefix(name, commands.TXTName(p.ProviderID)+".") {
					return []string{p.VerificationToken}, nil
				}
			}
		}
	}
	return nil, outbound.ErrNotFound
}

// operator makes up what somebody does at a dashboard. He mostly means things that
// are there, and sometimes some that are not.
type operator struct {
	*generator
	s      *station
	tables *projections.Tables // what he looks at
	made   int                 // names, so far
}

// order is something to be done: it can be done again, and asks for the same then.
type order struct {
	name string
	do   func(*commands.Commands, commands.Call) (commands.Done, error)
}

func an(name string, do func(*commands.Commands, commands.Call) (commands.Done, error)) order {
	return order{name, do}
}

func (o *operator) ctx() context.Context { return o.s.Context() }

// name makes up a name that nothing has.
func (o *operator) name(of string) string {
	o.made++
	return fmt.Sprintf("%s %d", of, o.made)
}

// anyOf picks a row, or the empty one: then something is meant that is not there.
func anyOf[R any](o *operator, rows []R) (r R) {
	if len(rows) == 0 || o.IntN(12) == 0 {
		return r
	}
	return rows[o.IntN(len(rows))]
}

func (o *operator) someUser() projections.User {
	page, err := o.tables.ListUsers(projections.Query{Limit: -1})
	if err != nil {
		o.s.Fatal(err)
	}
	return anyOf(o, page.Rows)
}

func (o *operator) someUsers() (ids []string) {
	for range 1 + o.IntN(3) {
		ids = append(ids, o.someUser().ID)
	}
	return ids
}

func (o *operator) someOrganization() projections.Organization {
	page, err := o.tables.ListOrganizations(projections.OrganizationQuery{Query: projections.Query{Limit: -1}})
	if err != nil {
		o.s.Fatal(err)
	}
	return anyOf(o, page.Rows)
}

func (o *operator) someMember(organizationID string) projections.Member {
	var all []projections.Member
	for m := range o.tables.Members(organizationID) {
		all = append(all, m)
	}
	return anyOf(o, all)
}

// order makes up what comes next.
func (o *operator) order() order {
	switch o.IntN(10) {
	case 0, 1, 2:
		return o.userOrder()
	case 3, 4, 5, 6:
		return o.organizationOrder()
	default:
		return o.settingOrder()
	}
}

func (o *operator) userOrder() order {
	u, other := o.someUser(), o.someUser()
	switch o.IntN(16) {
	case 0, 1, 2:
		cmd := commands.UserCreate{
			Name: o.name("User"), EmailVerified: o.IntN(2) == 0, Image: pick(o.generator, "", "https://example.com/i.png"),
			Email: strings.ReplaceAll(o.name("User"), " ", "") + "@example.com",
		}
		if other.Email != "" && o.IntN(6) == 0 {
			cmd.Email = strings.ToUpper(other.Email)
		}
		if o.IntN(20) == 0 {
			cmd.Password = "correct horse battery"
		}
		if o.IntN(3) == 0 {
			cmd.OrganizationID, cmd.OrganizationRole = o.someOrganization().ID, pick(o.generator, "", "admin", "owner", "nonsense")
		}
		return an("create user "+cmd.Email, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.CreateUser(o.ctx(), call, cmd)
			return done, err
		})
	case 3:
		cmd := commands.UserUpdate{ID: u.ID}
		name, email, image, verified := o.name("Renamed"), strings.ReplaceAll(o.name("moved"), " ", "")+"@example.com", pick(o.generator, "", "https://example.com/j.png"), o.IntN(2) == 0
		if o.IntN(2) == 0 {
			cmd.Name = &name
		}
		if o.IntN(2) == 0 {
			cmd.Email = &email
		}
		if other.Email != "" && o.IntN(5) == 0 {
			cmd.Email = &other.Email
		}
		if o.IntN(2) == 0 {
			cmd.Image = &image
		}
		if o.IntN(2) == 0 {
			cmd.EmailVerified = &verified
		}
		return an("update user "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.UpdateUser(o.ctx(), call, cmd)
		})
	case 4:
		cmd := commands.UserDelete{ID: u.ID, Force: o.IntN(2) == 0}
		return an("delete user "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.DeleteUser(o.ctx(), call, cmd)
		})
	case 5, 6:
		ban := o.ban()
		return an("ban "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.BanUser(o.ctx(), call, u.ID, ban)
		})
	case 7:
		return an("unban "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.UnbanUser(o.ctx(), call, u.ID)
		})
	case 8:
		ids, ban := o.someUsers(), o.ban()
		return an(fmt.Sprint("ban ", ids), func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.BanUsers(o.ctx(), call, ids, ban)
			return done, err
		})
	case 9:
		if o.IntN(4) == 0 {
			cmd := commands.UsersDelete{IDs: o.someUsers(), Force: o.IntN(2) == 0}
			return an(fmt.Sprint("delete users ", cmd.IDs), func(c *commands.Commands, call commands.Call) (commands.Done, error) {
				done, _, err := c.DeleteUsers(o.ctx(), call, cmd)
				return done, err
			})
		}
		cmd := commands.UserPassword{ID: u.ID, Password: "correct horse battery", RevokeSessions: o.IntN(2) == 0}
		return an("set password of "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.SetPassword(o.ctx(), call, cmd)
		})
	}
	return o.sessionOrder(u)
}

func (o *operator) ban() commands.Ban {
	return commands.Ban{
		Reason:       pick(o.generator, "", "spam"),
		Expires:      pick(o.generator, 0, projections.Time(o.s.now.Load())+50_000_000),
		KeepSessions: o.IntN(3) == 0,
	}
}

// sessionOrder is about what a user signs in with, and where he is signed in.
func (o *operator) sessionOrder(u projections.User) order {
	session, account := anyOf(o, o.tables.Sessions(u.ID)), anyOf(o, o.tables.Accounts(u.ID))
	switch o.IntN(8) {
	case 0:
		cmd := commands.SessionRevoke{ID: session.ID, UserID: pick(o.generator, "", u.ID)}
		return an("revoke session "+session.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.RevokeSession(o.ctx(), call, cmd)
		})
	case 1:
		return an("revoke all sessions of "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.RevokeAllSessions(o.ctx(), call, u.ID)
		})
	case 2:
		ids := o.someUsers()
		return an(fmt.Sprint("revoke sessions of ", ids), func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.RevokeManySessions(o.ctx(), call, ids)
			return done, err
		})
	case 3:
		cmd := commands.AccountUnlink{UserID: u.ID, ProviderID: account.ProviderID, AccountID: account.ID}
		return an("unlink account "+account.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.UnlinkAccount(o.ctx(), call, cmd)
		})
	case 4:
		cmd := commands.TwoFactorEnable{UserID: u.ID, KeepCodes: o.IntN(2) == 0}
		return an("enable two-factor for "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.EnableTwoFactor(o.ctx(), call, cmd)
			return done, err
		})
	case 5:
		return an("complete two-factor of "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.CompleteTwoFactor(o.ctx(), call, u.ID)
		})
	case 6:
		return an("disable two-factor of "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.DisableTwoFactor(o.ctx(), call, u.ID)
		})
	}
	cmd := commands.BackupCodesGenerate{UserID: u.ID, KeepCodes: o.IntN(2) == 0}
	return an("new backup codes for "+u.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
		done, _, err := c.GenerateBackupCodes(o.ctx(), call, cmd)
		return done, err
	})
}

func (o *operator) organizationOrder() order {
	g, u := o.someOrganization(), o.someUser()
	member := o.someMember(g.ID)
	role := pick(o.generator, "member", "admin", "owner", "nonsense")
	switch o.IntN(14) {
	case 0, 1:
		cmd := commands.OrganizationCreate{
			OwnerID: u.ID, Name: o.name("Organization"), Slug: strings.ReplaceAll(o.name("org"), " ", "-"),
			Logo: pick(o.generator, "", "https://example.com/logo"), Metadata: pick(o.generator, "", `{"plan":"pro"}`),
			SkipDefaultTeam: o.IntN(3) == 0, DefaultTeam: pick(o.generator, "", "First"),
		}
		if g.Slug != "" && o.IntN(6) == 0 {
			cmd.Slug = g.Slug
		}
		return an("create organization "+cmd.Slug, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.CreateOrganization(o.ctx(), call, cmd)
			return done, err
		})
	case 2:
		cmd := commands.OrganizationUpdate{ID: g.ID}
		name, slug, logo, other := o.name("Renamed"), strings.ReplaceAll(o.name("slug"), " ", "-"), pick(o.generator, "", "https://example.com/new"), o.someOrganization()
		if o.IntN(2) == 0 {
			cmd.Name = &name
		}
		if o.IntN(2) == 0 {
			cmd.Slug = &slug
		}
		if other.Slug != "" && o.IntN(4) == 0 {
			cmd.Slug = &other.Slug
		}
		if o.IntN(2) == 0 {
			cmd.Logo = &logo
		}
		return an("update organization "+g.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.UpdateOrganization(o.ctx(), call, cmd)
		})
	case 3:
		if ids := []string{g.ID, o.someOrganization().ID}; o.IntN(3) == 0 {
			return an(fmt.Sprint("delete organizations ", ids), func(c *commands.Commands, call commands.Call) (commands.Done, error) {
				done, _, err := c.DeleteOrganizations(o.ctx(), call, ids)
				return done, err
			})
		}
		return an("delete organization "+g.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.DeleteOrganization(o.ctx(), call, g.ID)
		})
	case 4, 5, 6:
		cmd := commands.MemberAdd{OrganizationID: g.ID, UserID: u.ID, Role: role}
		return an("add member "+u.ID+" to "+g.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.AddMember(o.ctx(), call, cmd)
			return done, err
		})
	case 7:
		cmd := commands.MemberRemove{OrganizationID: g.ID, MemberID: member.ID}
		if o.IntN(2) == 0 {
			cmd.MemberID, cmd.UserID = "", member.UserID
		}
		return an("remove member "+member.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.RemoveMember(o.ctx(), call, cmd)
		})
	case 8:
		cmd := commands.MemberRole{OrganizationID: g.ID, MemberID: member.ID, Role: role}
		return an("make "+member.ID+" "+role, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.ChangeMemberRole(o.ctx(), call, cmd)
		})
	case 9:
		cmd := commands.InvitationCreate{OrganizationID: g.ID, Role: role, InviterID: pick(o.generator, "", member.UserID)}
		cmd.Email = pick(o.generator, u.Email, "guest@example.com", strings.ReplaceAll(o.name("guest"), " ", "")+"@example.com")
		return an("invite "+cmd.Email+" to "+g.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.CreateInvitation(o.ctx(), call, cmd)
			return done, err
		})
	case 10:
		invitation := anyOf(o, o.tables.Invitations(g.ID)).ID
		if o.IntN(2) == 0 {
			return an("cancel invitation "+invitation, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
				return c.CancelInvitation(o.ctx(), call, commands.InvitationCancel{OrganizationID: g.ID, InvitationID: invitation})
			})
		}
		return an("resend invitation "+invitation, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.ResendInvitation(o.ctx(), call, commands.InvitationResend{OrganizationID: g.ID, InvitationID: invitation})
		})
	}
	return o.teamOrder(g, member)
}

func (o *operator) teamOrder(g projections.Organization, member projections.Member) order {
	team := anyOf(o, o.tables.Teams(g.ID))
	switch o.IntN(6) {
	case 0:
		cmd := commands.TeamCreate{OrganizationID: g.ID, Name: o.name("Team")}
		return an("create team "+cmd.Name, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			done, _, err := c.CreateTeam(o.ctx(), call, cmd)
			return done, err
		})
	case 1:
		cmd := commands.TeamUpdate{OrganizationID: g.ID, TeamID: team.ID, Name: pick(o.generator, "", o.name("Crew"))}
		return an("update team "+team.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.UpdateTeam(o.ctx(), call, cmd)
		})
	case 2:
		cmd := commands.TeamDelete{OrganizationID: g.ID, TeamID: team.ID}
		return an("delete team "+team.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.DeleteTeam(o.ctx(), call, cmd)
		})
	case 3:
		cmd := commands.TeamMemberRemove{OrganizationID: g.ID, TeamID: team.ID, UserID: member.UserID}
		return an("remove "+member.UserID+" from team "+team.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
			return c.RemoveTeamMember(o.ctx(), call, cmd)
		})
	}
	cmd := commands.TeamMemberAdd{OrganizationID: g.ID, TeamID: team.ID, UserID: pick(o.generator, member.UserID, o.someUser().ID)}
	return an("add "+cmd.UserID+" to team "+team.ID, func(c *commands.Commands, call commands.Call) (commands.Done, error) {
		return c.AddTeamMember(o.ctx(), call, cmd)
	})
}

// signIns are what applications tell of the users that there are.
func (o *operator) signIns(project string) (events []eventlog.Event) {
	for range 1 + o.IntN(3) {
		u := o.someUser()
		if u.ID == "" {
			continue
		}
		o.made++
		e := eventlog.Event{
			Project: project, Type: pick(o.generator, eventlog.SessionCreated, eventlog.SessionCreated, eventlog.OAuthLinked),
			Time: o.s.now.Load(), UserID: u.ID, SessionID: fmt.Sprint("session", o.made),
			Personal: eventlog.Personal{Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash}},
		}
		fields := map[string]any{"userId": u.ID, "userName": u.Name, "userEmail": u.Email, "loginMethod": "email"}
		if e.Type == eventlog.OAuthLinked {
			e.SessionID = ""
			fields["providerId"], fields["accountId"] = "github", fmt.Sprint("account", o.made)
		} else if m := anyOf(o, o.tables.Memberships(u.ID)); m.ID != "" {
			fields["set"] = map[string]any{"activeOrganizationId": m.OrganizationID}
		}
		text, err := json.Marshal(fields)
		if err != nil {
			o.s.Fatal(err)
		}
		e.Metadata = text
		events = append(events, e)
	}
	return events
}

// pass lets time go by: mostly seconds, now and then days.
func (o *operator) pass() {
	o.s.now.Add(int64(o.IntN(30_000)))
	if o.IntN(60) == 0 {
		o.s.now.Add(int64(o.IntN(72)) * int64(time.Hour/time.Millisecond))
	}
}
